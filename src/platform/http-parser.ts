/**
 * Refuses to start where Node was told to read HTTP leniently, by flag or by environment: what the edge calls one request
 * would then be two to someone else. Our server says so itself; the flag would still loosen how answers are read.
 * @throws Error with the flag to take away
 */
export function requireStrictHttpParser(flags: readonly string[], nodeOptions: string | undefined): void {
  const given = [...flags, nodeOptions ?? ''].join(' ').replaceAll('_', '-') // Node takes both spellings
  const [flag] = /--insecure-http-parser\b(?!=false)/.exec(given) ?? []
  if (flag !== undefined) throw new Error(`Node runs with ${flag}: take it out of its arguments and of NODE_OPTIONS`)
}
