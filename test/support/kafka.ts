import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, openSync } from 'node:fs'
import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { findFreePort } from '../../src/cli/demo/free-ports.ts'
import { eventually } from './edge-calls.ts'

/** Why a test that needs a Kafka broker does not run here; false where it does. */
export const skipWithoutKafka = hasKafka()
  ? false
  : 'not run: Kafka (needs Java 17 and Maven; then: scripts/kafka jars)'

/** One broker of a cluster, which is a controller, too. */
export type Broker = {
  readonly address: string
  /** Where it takes TLS and a login alone, of brokers that are started so. */
  readonly securedAddress: string
  /** Null while it is not running. */
  readonly pid: number | null
  start(): Promise<void>
  /** Ends it as a crash would; what it kept stays. */
  kill(): Promise<void>
}

export type TestKafka = {
  /** As `TIDEGATE_KAFKA_BROKERS` names them. */
  readonly brokers: string
  readonly each: readonly Broker[]
  /** Ends the brokers; with `remove`, what they kept goes, too. */
  stop(remove: boolean): Promise<void>
}

const START_MS_MAX = 60_000
/** 22 characters that are 16 bytes in base64url. */
const CLUSTER_ID = 'tidegate-test-clusterA'
const JAVA = ['-Xms64m', '-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']
const QUIET = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'

/** Certificate and key of a listener that takes TLS, and a login by SCRAM-SHA-512, of users that are made later. */
export type Secured = { readonly cert: string; readonly key: string }

/** Starts brokers as one cluster on free ports. `kept`: where they keep what they are told; a temporary folder when left out. */
export async function startKafka(
  count: number,
  { kept, secured }: { readonly kept?: string; readonly secured?: Secured } = {},
): Promise<TestKafka> {
  const jars = jarsFolder()
  const folder = kept ?? (await mkdtemp(join(tmpdir(), 'tidegate-kafka-')))
  const ports = await Promise.all(
    Array.from(
      { length: count },
      async () => [await findFreePort(), await findFreePort(), await findFreePort()] as const,
    ),
  )
  const voters = ports.map(([, controller], nth) => `${nth + 1}@127.0.0.1:${controller}`).join(',')
  const each = await Promise.all(
    ports.map(async ([port, controller, securedPort], nth) => {
      const own = join(folder, `broker-${nth + 1}`)
      await prepareFolder(own, { id: nth + 1, port, controller, voters, count })
      if (secured !== undefined) await secureIn(own, port, controller, securedPort, secured)
      return brokerIn(own, port, securedPort, jars)
    }),
  )
  const stop = async (remove: boolean): Promise<void> => {
    await Promise.all(each.map((broker) => broker.kill()))
    if (remove) await rm(folder, { recursive: true, force: true })
  }
  try {
    await Promise.all(each.map((broker) => broker.start()))
  } catch (error) {
    await stop(false)
    throw error
  }
  return {
    brokers: each.map(({ address }) => address).join(','),
    each,
    stop,
  }
}

async function prepareFolder(
  folder: string,
  own: { id: number; port: number; controller: number; voters: string; count: number },
): Promise<void> {
  const { id, port, controller, voters, count } = own
  const data = join(folder, 'data')
  await mkdir(data, { recursive: true })
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': id,
    'controller.quorum.voters': voters,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'log.dirs': data,
    'auto.create.topics.enable': false,
    'offsets.topic.replication.factor': Math.min(3, count),
    'transaction.state.log.replication.factor': Math.min(3, count),
    // A broker that was killed is missed sooner than by default.
    'broker.heartbeat.interval.ms': 300,
    'broker.session.timeout.ms': 2_000,
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
  await writeFile(join(folder, 'server.properties'), `${lines.join('\n')}\n`)
  // What Kafka's own formatter writes, without the second that a Java machine takes to do it.
  const directory = `tidegate-broker-${id}-dirA`
  const meta = ['version=1', `cluster.id=${CLUSTER_ID}`, `node.id=${id}`, `directory.id=${directory}`]
  await writeFile(join(data, 'meta.properties'), `${meta.join('\n')}\n`)
}

/** One more listener. What is said later in the file goes before. */
async function secureIn(
  folder: string,
  port: number,
  controller: number,
  securedPort: number,
  { cert, key }: Secured,
): Promise<void> {
  const pem = join(folder, 'broker.pem')
  await writeFile(pem, `${key}\n${cert}`)
  const [plain, own] = [`PLAINTEXT://127.0.0.1:${port}`, `SECURED://127.0.0.1:${securedPort}`]
  const settings = {
    listeners: `${plain},${own},CONTROLLER://127.0.0.1:${controller}`,
    'advertised.listeners': `${plain},${own}`,
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURED:SASL_SSL',
    'sasl.enabled.mechanisms': 'SCRAM-SHA-512',
    'listener.name.secured.scram-sha-512.sasl.jaas.config':
      'org.apache.kafka.common.security.scram.ScramLoginModule required;',
    'listener.name.secured.ssl.keystore.type': 'PEM',
    'listener.name.secured.ssl.keystore.location': pem,
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
  await appendFile(join(folder, 'server.properties'), `${lines.join('\n')}\n`)
}

function brokerIn(folder: string, port: number, securedPort: number, jars: string): Broker {
  const settings = join(folder, 'server.properties')
  let server: ChildProcess | null = null
  return {
    address: `127.0.0.1:${port}`,
    securedAddress: `127.0.0.1:${securedPort}`,
    get pid() {
      return server?.pid ?? null
    },
    async start() {
      const log = openSync(join(folder, 'log'), 'a')
      const classes = ['-cp', join(jars, '*'), 'kafka.Kafka', settings]
      const started = spawn('java', [...JAVA, QUIET, ...classes], { stdio: ['ignore', log, log], detached: true })
      server = started
      started.unref()
      await eventually(
        `the broker at ${port} listens (else: ${folder}/log)`,
        () => {
          if (started.exitCode !== null) throw new Error(`the broker ended with ${started.exitCode}: ${folder}/log`)
          return isListening(port)
        },
        START_MS_MAX,
      )
    },
    async kill() {
      const running = server
      server = null
      if (running === null || running.exitCode !== null || running.signalCode !== null) return
      const ended = new Promise((done) => running.once('exit', done))
      running.ref()
      running.kill('SIGKILL')
      await ended
    },
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = createConnection({ host: '127.0.0.1', port })
    socket.once('connect', () => done(true)).once('error', () => done(false))
    socket.once('close', () => done(false))
    socket.once('connect', () => socket.destroy())
  })
}

function jarsFolder(): string {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  return process.env['TIDEGATE_KAFKA_JARS'] ?? join(cache, 'tidegate', 'kafka-4.1.1')
}

function hasKafka(): boolean {
  if (!existsSync(join(jarsFolder(), 'complete'))) return false
  try {
    execFileSync('java', ['-version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
