import { createHmac } from 'node:crypto'
import type { Clock } from '../../kernel/clock.ts'

/** Nonces that the edge wants to see in DPoP proofs (RFC 9449 section 9), so that none can be made long before it is used. */
export interface DpopNonces {
  /** For the next proof; every answer to a proof brings it, ahead of time. */
  current(): string
  isFresh(nonce: unknown): boolean
}

const WINDOW_MS = 60_000
/** The window before, for who has just got one; the one after, from another edge whose clock is a little ahead. */
const FRESH_WINDOWS = [0, -1, 1]

/** Nothing is stored: a nonce is the HMAC of its minute. Edges that have the same secret take each other's. */
export function createDpopNonces(secret: string, clock: Clock): DpopNonces {
  const nonceOf = (offset: number): string => {
    const window = Math.floor(clock.now() / WINDOW_MS) + offset
    return createHmac('sha256', secret).update(`dpop-nonce.${window}`).digest('base64url')
  }
  return {
    current: () => nonceOf(0),
    isFresh: (nonce) => FRESH_WINDOWS.some((offset) => nonce === nonceOf(offset)),
  }
}
