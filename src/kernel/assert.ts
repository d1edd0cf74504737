/** Our own bug, told apart from anything a caller did: it is never turned into a refusal of the caller. */
export class AssertionFailed extends Error {
  override readonly name = 'AssertionFailed'
}

/** States what must hold here whatever the input was. @throws AssertionFailed */
export function assert(condition: unknown, expectation: string): asserts condition {
  if (!condition) throw new AssertionFailed(expectation)
}

/** Makes a switch over a closed union fail to compile when a case is missing. @throws AssertionFailed */
export function unreachable(value: never): never {
  throw new AssertionFailed(`a case is missing for ${JSON.stringify(value)}`)
}
