import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import type { Ruleset } from '../../src/firewall/index.ts'
import { ask, loaded } from './rulesets.ts'

const COUNTING = `
  SecRule ARGS "@contains evil" "id:1,phase:2,pass,setvar:'tx.anomaly_score=+3'"
  SecRule TX:ANOMALY_SCORE "@ge %{tx.inbound_anomaly_score_threshold}" "id:9,phase:2,deny,status:403"`
const SET_UP = 'SecAction "id:7,phase:1,pass,setvar:tx.inbound_anomaly_score_threshold=7"'

test('what is told is the threshold that holds, which the rules may have set up themselves', () => {
  const told = (ruleset: Ruleset, target: string) => {
    const { effect, score, threshold } = ask(ruleset, { target })
    return [effect, score, threshold]
  }
  const policys = loaded(COUNTING)
  deepEqual(told(policys, '/?a=evil&b=evil'), ['deny', 6, 5])
  const own = loaded(COUNTING, { files: [{ path: 'crs-setup.conf', text: SET_UP }] })
  deepEqual(told(own, '/?a=evil&b=evil'), ['pass', 6, 7])
  deepEqual(told(own, '/?a=evil&b=evil&c=evil'), ['deny', 9, 7])
  deepEqual(told(own, '/'), ['pass', 0, 7])
})
