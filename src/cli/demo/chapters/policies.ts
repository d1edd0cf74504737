import { readAccount, seenOf, transfer } from '../observe.ts'
import type { Chapter } from '../step.ts'
import { eventually, type World } from '../world.ts'

const AUDIT = `rules:
  - id: audit
    match: { methods: [POST], paths: [/v1/transfers] }
    effect: deny
    why: The books are being audited.
    remedy: Come back after the audit.
    owner: security
`
const CALLS_MAX = 10

export const policies: Chapter = {
  title: 'Policies change while it runs',
  steps: [
    {
      title: 'a rule denies all transfers',
      expect: { answer: '403 policy_denied', by: 'access/audit' },
      means: '',
      async run(world) {
        const note = await edit(world, 'access.yaml', (text) => text.replace('rules:\n', AUDIT))
        return { ...(await seenOf(world, await transfer(world, 'alice', '10.00', 'tram'))), note }
      },
    },
    {
      title: 'the rule is taken out again',
      expect: { answer: '201 posted', by: 'risk/provider-accepts' },
      means: '',
      async run(world) {
        const note = await edit(world, 'access.yaml', (text) => text.replace(AUDIT, 'rules:\n'))
        return { ...(await seenOf(world, await transfer(world, 'alice', '10.00', 'tram'))), note }
      },
    },
    {
      title: 'an edit with a slip',
      expect: { answer: '200', by: 'access/declared-scopes-suffice' },
      means: '',
      async run(world) {
        await edit(world, 'access.yaml', (text) => text.replace('effect: deny', 'efect: deny'))
        const { rejected } = await policiesOf(world)
        const [file, line] = (rejected ?? 'nothing').split(':')
        return {
          ...(await seenOf(world, await readAccount(world, 'bob'))),
          note: `${file}:${line} refused`,
        }
      },
    },
    {
      title: 'a quota goes down to 3',
      expect: { answer: '429 quota_exceeded', by: 'quota/member-requests' },
      means: '',
      async run(world) {
        await edit(world, 'access.yaml', (text) => text.replace('efect: deny', 'effect: deny'))
        await edit(world, 'quota.yaml', (text) => text.replace('limit: 1000,', 'limit: 3,'))
        let answer = await readAccount(world, 'bob')
        for (let calls = 1; calls < CALLS_MAX && answer.status === 200; calls++)
          answer = await readAccount(world, 'bob')
        return { ...(await seenOf(world, answer)), note: `Retry-After: ${answer.headers['retry-after']} s` }
      },
    },
    {
      title: 'the quota goes up again',
      expect: { answer: '200', by: 'access/declared-scopes-suffice' },
      means: '',
      async run(world) {
        const note = await edit(world, 'quota.yaml', (text) => text.replace('limit: 3,', 'limit: 1000,'))
        return { ...(await seenOf(world, await readAccount(world, 'bob'))), note }
      },
    },
  ],
}

type Policies = { readonly bundle: string; readonly rejected: string | null }

/** Saves an edit and waits until the platform says what it makes of it. @returns how long that took */
async function edit(world: World, file: string, change: (text: string) => string): Promise<string> {
  const before = await policiesOf(world)
  const savedAt = performance.now()
  await world.editPolicy(file, change)
  await eventually('the edit', async () => {
    const now = await policiesOf(world)
    return now.bundle !== before.bundle || now.rejected !== before.rejected ? now : null
  })
  return `live after ${((performance.now() - savedAt) / 1000).toFixed(1)} s`
}

async function policiesOf({ callOperator, tokens }: World): Promise<Policies> {
  const { body } = await callOperator({ path: '/v1/policies', token: tokens.operator })
  return body as unknown as Policies
}
