import { numberIn } from '../operators/compare.ts'
import type { Written } from './written.ts'

/** The inbound anomaly score as CRS 3 and 4 count it: what each paranoia level counts, before it is added up at the end. */
export function scoreIn(tx: Written): number {
  let [total, sum] = [Number.NEGATIVE_INFINITY, 0]
  for (const key of TOTALS) total = Math.max(total, numberIn(tx.get(key) ?? ''))
  for (const key of LEVELS) sum += numberIn(tx.get(key) ?? '')
  return Math.max(total, sum)
}

/** The inbound score from which CRS denies. The rules' own set-up may have set another than the policy, even for some requests. */
export function thresholdIn(tx: Written): number {
  return numberIn(tx.get(THRESHOLD_KEY) ?? '')
}

/** What the policy's `threshold` is told to the rules as. */
export const THRESHOLD_KEY = 'inbound_anomaly_score_threshold'
const TOTALS = ['anomaly_score', 'blocking_inbound_anomaly_score', 'score']
const LEVELS = [1, 2, 3, 4].flatMap((level) => [`anomaly_score_pl${level}`, `inbound_anomaly_score_pl${level}`])

/** What it is read from. */
export const SCORE_KEYS: readonly string[] = [...TOTALS, ...LEVELS]
