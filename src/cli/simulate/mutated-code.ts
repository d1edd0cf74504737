import { randomUUID } from 'node:crypto'
import { registerHooks } from 'node:module'
import type { Mutant } from './mutants.ts'
import type { runSeed } from './run-seed.ts'

const SOURCES = new URL('../../', import.meta.url).href
const MARK = /\?mutant=[a-z0-9-]+$/

/**
 * The simulation, with the real journal, as if the mistake had been made: its modules are loaded once more, under names of their
 * own, and one of them is changed on its way from the disk. Nothing of it is in the sources. @throws Error if the code is not
 * as the mutant expects it
 */
export async function loadMutated({ name, file, changes }: Mutant): Promise<typeof runSeed> {
  const mark = `?mutant=${name}-${randomUUID()}` // a module that has been loaded is not loaded again
  let applied = false
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      const resolved = next(specifier, context)
      const isOurs = MARK.exec(context.parentURL ?? '')?.[0] === mark && resolved.url.startsWith(SOURCES)
      return isOurs && !MARK.test(resolved.url) ? { ...resolved, url: resolved.url + mark } : resolved
    },
    load(url, context, next) {
      const loaded = next(url, context)
      if (url !== `${SOURCES}${file}${mark}`) return loaded
      let source = String(loaded.source)
      for (const [original, mutated] of changes) {
        const parts = source.split(original)
        if (parts.length !== 2) throw new Error(`the mutant ${name} does not fit ${file} any more`)
        source = parts.join(mutated)
      }
      applied = true
      return { ...loaded, source }
    },
  })
  try {
    const loaded = (await import(`./run-seed.ts${mark}`)) as { readonly runSeed: typeof runSeed }
    if (!applied) throw new Error(`the simulation does not use ${file}, which the mutant ${name} changes`)
    return loaded.runSeed
  } finally {
    hooks.deregister()
  }
}
