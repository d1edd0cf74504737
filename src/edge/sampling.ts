import { createHash } from 'node:crypto'

/**
 * Whether a plainly allowed request with this receipt is among those that are kept. It follows from the receipt alone, so
 * that whoever looks for one that is not there can be told why.
 */
export function isSampled(receipt: string, part: number): boolean {
  if (part >= 1) return true
  return createHash('sha256').update(receipt).digest().readUIntBE(0, 6) < part * 2 ** 48
}
