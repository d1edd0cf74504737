import { posix } from 'node:path'

/** A file as the checks see it: its path from the top of the repository, with `/`. */
export type SourceText = { readonly path: string; readonly text: string }

/** Each area of src/, and those it may import besides itself. docs/architecture.md says why. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  kernel: [],
  firewall: ['kernel'],
  policy: ['kernel', 'firewall'],
  platform: ['kernel'],
  edge: ['kernel', 'firewall', 'policy', 'platform'],
  adapters: ['kernel', 'platform'],
  sandbox: ['kernel', 'platform'],
  'services/membership': ['kernel', 'platform'],
  'services/product': ['kernel', 'platform'],
  'services/cash-flow': ['kernel', 'platform'],
  'services/settlement': ['kernel', 'platform'],
  'services/risk': ['kernel', 'firewall', 'policy', 'platform', 'adapters'],
  cli: ['kernel', 'firewall', 'policy', 'platform', 'edge', 'sandbox', 'main'],
}

const IMPORT = /^(?:import|export)\s(?:[^'"]*?\sfrom\s)?'([^']+)'|\bimport\('([^']+)'\)/gm

/** Imports across a border that there is no way over. Only main.ts, with the files in main/, knows everyone. */
export function borderFindings(files: readonly SourceText[]): string[] {
  return files.flatMap(({ path, text }) => {
    const area = areaOf(path)
    if (area === null || area === 'main') return []
    const allowed = MAY_IMPORT[area]
    if (allowed === undefined) return [`${path}: ${area} is no area that there are rules for`]
    return importsOf(text)
      .filter((specifier) => specifier.startsWith('.'))
      .map((specifier) => posix.join(posix.dirname(path), specifier))
      .filter((target) => {
        const other = areaOf(target)
        return other !== area && (other === null || !allowed.includes(other))
      })
      .map((target) => `${path}: ${area} may not import ${target}`)
  })
}

export function importsOf(text: string): string[] {
  return [...text.matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? '')
}

/** `services/risk`, `kernel`, `main`, …; null outside src/. */
function areaOf(path: string): string | null {
  const [top, area = '', service = ''] = path.split('/')
  if (top !== 'src') return null
  return area === 'services' ? `services/${service}` : area.replace(/\.ts$/, '')
}

const SERVICE_FILES = ['index', 'schema', 'model', 'service', 'store', 'routes', 'errors'].map((name) => `${name}.ts`)

/** Every service looks the same inside. */
export function serviceFolderFindings(files: readonly SourceText[]): string[] {
  const paths = files.map(({ path }) => path)
  const services = new Set(paths.map((path) => /^src\/services\/[^/]+\//.exec(path)?.[0]).filter((found) => found))
  return [...services].flatMap((folder) => {
    const missing = SERVICE_FILES.filter((file) => !paths.includes(`${folder}${file}`))
    if (!paths.some((path) => path.startsWith(`${folder}migrations/`))) missing.push('migrations/')
    return missing.map((file) => `${folder}: has no ${file}`)
  })
}

const LINES_MAX = 300
/** The formatter breaks code at 120; a comment's last word may stand out a little. */
const LINE_CHARACTERS_MAX = 130
const FILE_NAME = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.test)?\.ts$/
const VAGUE_NAME = /(?:^|-)(?:utils?|helpers?|common|managers?|misc)(?:-|\.)/

/** Files that are too long or too wide, whose name says too little, or that use what we do without. */
export function shapeFindings(files: readonly SourceText[]): string[] {
  return files.flatMap(({ path, text }) => {
    const name = posix.basename(path)
    const lines = text.split('\n')
    const findings: string[] = []
    if (!FILE_NAME.test(name)) findings.push(`${path}: the name is not in kebab-case`)
    if (VAGUE_NAME.test(name)) findings.push(`${path}: the name does not say what it is about`)
    if (lines.length - 1 > LINES_MAX) findings.push(`${path}: has more than ${LINES_MAX} lines`)
    let inTemplate = false
    lines.forEach((line, index) => {
      const at = `${path}:${index + 1}`
      if ((line.match(/`/g)?.length ?? 0) % 2 === 1) inTemplate = !inTemplate
      if (line.length > LINE_CHARACTERS_MAX && !inTemplate && !isUnbreakable(line)) findings.push(`${at}: is too wide`)
      if (/^export default\b/.test(line)) findings.push(`${at}: exports a default`)
      if (/(?::|\bas|<|,)\s*any\b(?!')/.test(withoutTexts(line))) findings.push(`${at}: says any`)
    })
    return findings
  })
}

/** A text that the formatter leaves whole: breaking it would hide it from a search. */
function isUnbreakable(line: string): boolean {
  return /['"`]/.test(line) || !line.trim().includes(' ')
}

function withoutTexts(line: string): string {
  return line.replace(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`|\/\/.*$|^\s*\/?\*.*$/g, '')
}

const MACHINE_PATH = /(?<![\w.-])\/(?:home|root|Users|work|mnt)\/[\w.-]+/
const REGISTRY_HOST =
  /https?:\/\/(?!registry\.npmjs\.org\b)[\w.-]*(?:registry|artifactory|nexus|verdaccio|npmmirror)[\w.-]*/i

/** Text that is true of one machine only. */
export function machineFindings(files: readonly SourceText[]): string[] {
  return files.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, index) => {
      const found = MACHINE_PATH.exec(line) ?? REGISTRY_HOST.exec(line)
      return found === null ? [] : [`${path}:${index + 1}: ${found[0]} is of one machine`]
    }),
  )
}
