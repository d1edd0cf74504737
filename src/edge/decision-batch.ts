import type { Decision } from './decision-log.ts'
import type { ReceiptFacts } from './receipt-facts.ts'
import type { ContentKey, Envelope, Sealer } from './sealing.ts'

/** Decisions that go to the disk together, with one envelope for what is secret in them. */
export interface DecisionBatch {
  add(decision: Decision, facts: ReceiptFacts | null): void
  /** Characters so far, about. */
  size(): number
  /** What is to be written, and how many decisions that is; empty again after it. */
  take(): { readonly text: string; readonly decisions: number; readonly contentKey: ContentKey | null }
}

/** `sealer` null: what is secret is left out. */
export function createDecisionBatch(sealer: Sealer | null): DecisionBatch {
  let lines = ''
  let decisions = 0
  let secretChars = 0
  let envelope: Envelope | null = null

  const seal = (receipt: string, secret: string | null): string => {
    if (secret === null || sealer === null) return 'null'
    envelope ??= sealer.open()
    envelope.add(receipt, secret)
    secretChars += secret.length
    return `"${envelope.name}"`
  }
  return {
    add(decision, facts) {
      const line = JSON.stringify(decision)
      lines +=
        facts === null
          ? `${line}\n`
          : `${line.slice(0, -1)},"facts":${facts.open},"sealed":${seal(decision.receipt, facts.secret)}}\n`
      decisions += 1
    },
    size: () => lines.length + secretChars,
    take() {
      const sealing = envelope?.seal() ?? null
      // The envelope goes first: where the end of the text is lost, no decision is kept without it.
      const text = sealing === null ? lines : `${JSON.stringify(sealing.sealed)}\n${lines}`
      const taken = { text, decisions, contentKey: sealing?.contentKey ?? null }
      lines = ''
      decisions = 0
      secretChars = 0
      envelope = null
      return taken
    },
  }
}
