import assert from 'node:assert/strict'
import { globSync, readFileSync, statSync } from 'node:fs'
import { describe, test } from 'node:test'
import {
  borderFindings,
  importsOf,
  machineFindings,
  type SourceText,
  serviceFolderFindings,
  shapeFindings,
} from './support/tidy.ts'

const IGNORED = ['node_modules', 'data', 'coverage', '.git']

function read(pattern: string): SourceText[] {
  return globSync(pattern, { exclude: (path) => IGNORED.includes(path) })
    .filter((path) => statSync(path).isFile())
    .sort()
    .map((path) => ({ path: path.replaceAll('\\', '/'), text: readFileSync(path, 'utf8') }))
}

const source = read('src/**/*')
const code = [...source, ...read('test/**/*.ts'), ...read('bench/**/*.ts')].filter(({ path }) => path.endsWith('.ts'))

describe('the code is as the design says', () => {
  test('imports cross no border', () => {
    assert.deepEqual(borderFindings(source.filter(({ path }) => path.endsWith('.ts'))), [])
  })

  test('every service has the same files', () => {
    assert.deepEqual(serviceFolderFindings(source), [])
    assert.equal(new Set(source.map(({ path }) => /^src\/services\/[^/]+/.exec(path)?.[0])).size - 1, 5)
  })

  test('files are short, narrow and well named', () => {
    assert.deepEqual(shapeFindings(code), [])
  })

  test('nothing is true of one machine only', () => {
    const texts = [...read('*.{md,json,yaml}'), ...read('{.npmrc,.dockerignore,.gitignore,Dockerfile,.ci/*}')]
    const all = [...code, ...texts, ...read('{config,policies,docs}/**/*')]
    assert.ok(all.some(({ path }) => path === 'package-lock.json'))
    const seeded = 'test/tidy.test.ts'
    assert.deepEqual(machineFindings(all.filter(({ path }) => path !== seeded)), [])
  })
})

describe('the checks find what they look for', () => {
  const file = (path: string, text: string): SourceText[] => [{ path, text }]

  test('imports are read in every form they have', () => {
    const text = [
      "import { a } from './a.ts'",
      "import type {\n  B,\n  C,\n} from '../b.ts'",
      "import './c.ts'",
      "export { d } from './d.ts'",
      "export * from './e.ts'",
      "const f = (value: import('./f.ts').F) => import('./g.ts')",
    ].join('\n')
    assert.deepEqual(importsOf(text), ['./a.ts', '../b.ts', './c.ts', './d.ts', './e.ts', './f.ts', './g.ts'])
  })

  const borders: Record<string, readonly [path: string, imported: string]> = {
    'the kernel imports the platform': ['src/kernel/a.ts', '../platform/b.ts'],
    'the platform imports the edge': ['src/platform/a.ts', '../edge/b.ts'],
    'policy imports the platform': ['src/policy/a.ts', '../platform/b.ts'],
    'the edge imports a service': ['src/edge/stages/a.ts', '../../services/risk/model.ts'],
    'a service imports another': ['src/services/risk/a.ts', '../cash-flow/model.ts'],
    'a service imports the edge': ['src/services/product/a.ts', '../../edge/exchange.ts'],
    'a service that is not risk imports policy': ['src/services/cash-flow/store/a.ts', '../../../policy/index.ts'],
    'an adapter imports a service': ['src/adapters/bank.ts', '../services/settlement/model.ts'],
    'the sandbox imports the edge': ['src/sandbox/a.ts', '../edge/b.ts'],
    'someone imports the composition root': ['src/edge/a.ts', '../main.ts'],
    'the command line imports a service': ['src/cli/a.ts', '../services/risk/index.ts'],
    'source imports a test': ['src/platform/a.ts', '../../test/support/stores.ts'],
    'an area that nobody made rules for': ['src/helpers/a.ts', './b.ts'],
  }
  for (const [what, [path, imported]] of Object.entries(borders)) {
    test(`a border is crossed: ${what}`, () => {
      assert.equal(borderFindings(file(path, `import type { A } from '${imported}'\n`)).length, 1)
    })
  }

  test('what is allowed is not found', () => {
    assert.deepEqual(borderFindings(file('src/services/risk/a.ts', "import { b } from '../../policy/index.ts'")), [])
    assert.deepEqual(borderFindings(file('src/main.ts', "import { b } from './services/risk/index.ts'")), [])
    assert.deepEqual(shapeFindings(file('src/edge/a-b.ts', "// any of these\nconst a = 'say: any'\n")), [])
  })

  test('a service without one of its files', () => {
    assert.deepEqual(serviceFolderFindings([{ path: 'src/services/new/index.ts', text: '' }]).length, 7)
  })

  const shapes: Record<string, readonly [path: string, text: string]> = {
    'a file of 301 lines': ['src/edge/a.ts', 'a\n'.repeat(301)],
    'a line of 131 characters': ['src/edge/a.ts', `// ${'ab '.repeat(43).slice(0, 128)}`],
    'a name in camel case': ['src/edge/myFile.ts', ''],
    'a name that says nothing': ['src/edge/string-utils.ts', ''],
    'another name that says nothing': ['src/edge/common.ts', ''],
    'a default export': ['src/edge/a.ts', 'export default 1\n'],
    'an any': ['src/edge/a.ts', 'export const a = (b: any) => b\n'],
    'an any by assertion': ['src/edge/a.ts', 'export const a = b as any\n'],
  }
  for (const [what, [path, text]] of Object.entries(shapes)) {
    test(`the shape is wrong: ${what}`, () => assert.equal(shapeFindings(file(path, text)).length, 1))
  }

  for (const text of [
    'cd /home/ann/tidegate',
    'see /root/notes',
    'https://npm-registry.example.com/a.tgz',
    '/Users/ann/x',
  ])
    test(`of one machine: ${text}`, () => assert.equal(machineFindings(file('README.md', text)).length, 1))
})
