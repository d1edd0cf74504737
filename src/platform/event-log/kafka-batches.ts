/** A broker takes no batch of more than a megabyte by default, and what is sent at once may all be of one partition. */
const BATCH_BYTES_MAX = 524_288

/** The messages in their order, in as many batches as brokers take them in; one that is larger is a batch of its own. */
export function batchesOf<M extends { readonly key: string; readonly value: string }>(
  messages: readonly M[],
): readonly (readonly M[])[] {
  const batches: M[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const message of messages) {
    const own = Buffer.byteLength(message.key) + Buffer.byteLength(message.value)
    if (bytes + own > BATCH_BYTES_MAX) {
      batches.push([])
      bytes = 0
    }
    bytes += own
    batches.at(-1)?.push(message)
  }
  return batches
}
