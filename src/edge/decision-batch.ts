import type { Decision } from './decision-log.ts'
import type { ReceiptFacts } from './receipt-facts.ts'
import type { ContentKey, Envelope, Sealer } from './sealing.ts'
import { textBuffer } from './text-buffer.ts'

/** Decisions that go to the disk together, with one envelope for what is secret in them. */
export interface DecisionBatch {
  add(decision: Decision, facts: ReceiptFacts | null): void
  /** Bytes so far, of lines and of what is to be sealed. */
  size(): number
  /** What is to be written, in pieces, and how many decisions that is; empty again after it. */
  take(): { readonly pieces: readonly Buffer[]; readonly decisions: number; readonly contentKey: ContentKey | null }
}

/** @param sealer null: what is secret is left out. @param bytesUsual of a batch */
export function createDecisionBatch(sealer: Sealer | null, bytesUsual: number): DecisionBatch {
  const lines = textBuffer(2 * bytesUsual)
  let decisions = 0
  let envelope: Envelope | null = null

  const seal = (receipt: string, secret: string | null): string => {
    if (secret === null || sealer === null) return 'null'
    envelope ??= sealer.open(bytesUsual)
    envelope.add(receipt, secret)
    return `"${envelope.name}"`
  }
  return {
    add(decision, facts) {
      const line = JSON.stringify(decision)
      lines.add(
        facts === null
          ? `${line}\n`
          : `${line.slice(0, -1)},"facts":${facts.open},"sealed":${seal(decision.receipt, facts.secret)}}\n`,
      )
      decisions += 1
    },
    size: () => lines.size() + (envelope?.size() ?? 0),
    take() {
      const sealing = envelope?.seal() ?? null
      // The envelope goes first: where the end of the text is lost, no decision is kept without it.
      const pieces = sealing === null ? [] : [Buffer.from(`${JSON.stringify(sealing.sealed)}\n`)]
      const taken = { pieces: [...pieces, lines.take()], decisions, contentKey: sealing?.contentKey ?? null }
      decisions = 0
      envelope = null
      return taken
    },
  }
}
