/** What came is no answer, or more than one, or more of it than is read. Whatever it says is not believed. */
export class MalformedAnswer extends Error {
  override readonly name = 'MalformedAnswer'
}
