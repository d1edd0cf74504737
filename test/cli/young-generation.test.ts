import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'

const read = (path: string): Promise<string> => readFile(new URL(`../../${path}`, import.meta.url), 'utf8')

test('however the platform is started, the young generation has the same room', async () => {
  const starts = {
    'npm start': JSON.parse(await read('package.json')).scripts.start,
    'npx tidegate': (await read('src/cli/main.ts')).split('\n', 1)[0],
    'the image': /^ENTRYPOINT .*$/m.exec(await read('Dockerfile'))?.[0],
    'the bench': await read('bench/edge/ours.ts'),
  }
  for (const [name, start] of Object.entries(starts)) assert.match(start ?? '', /--max-semi-space-size=64\b/, name)
})
