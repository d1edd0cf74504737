/** Starts brokers that stay, for scripts/kafka: `node test/support/start-kafka.ts FOLDER BROKERS`. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { startKafka } from './kafka.ts'

const [folder = '', count = '1'] = process.argv.slice(2)
const own = resolve(folder)
await mkdir(own, { recursive: true })
const { brokers, each } = await startKafka(Number(count), { kept: own })
await Promise.all(each.map(({ pid }, nth) => writeFile(join(own, `broker-${nth + 1}`, 'pid'), String(pid))))
console.log(`TIDEGATE_KAFKA_BROKERS=${brokers}`)
