import type { Checks, Told } from './checks.ts'
import type { Network } from './network.ts'
import { ACCOUNTS, type SimCommand } from './sim-ledger.ts'
import type { SimAnswer, SimNode } from './sim-node.ts'
import type { World } from './world.ts'

const ANSWER_MS = 300
const THINK_MS = 25
const ATTEMPTS_MAX = 40

/** Asks for one thing after the other, each under its own id until it knows what came of it, or gives up. */
export class SimClient {
  readonly #name: string
  readonly #world: World
  readonly #network: Network
  readonly #nodes: readonly SimNode[]
  readonly #checks: Checks
  readonly #holds: string[] = []
  #asked = 0
  #node: SimNode
  isOver = false

  constructor(name: string, world: World, network: Network, nodes: readonly SimNode[], checks: Checks) {
    this.#name = name
    this.#world = world
    this.#network = network
    this.#nodes = nodes
    this.#checks = checks
    this.#node = world.chance.of(nodes)
  }

  /** Until somebody says that it is over. */
  async run(): Promise<void> {
    while (!this.isOver) {
      await this.#askFor(this.#next())
      await this.#sleep(this.#world.chance.wait(THINK_MS))
    }
  }

  /** Asks for one more thing, until it is answered. */
  async askAtLast(): Promise<void> {
    const from = this.#world.chance.below(ACCOUNTS)
    const move = { from, to: (from + 1) % ACCOUNTS, amount: 1 }
    while (!(await this.#askFor({ id: `${this.#name}-last-${++this.#asked}`, kind: 'transfer', ...move }))) {}
  }

  /** @returns whether it got an answer */
  async #askFor(command: SimCommand): Promise<boolean> {
    const told: Told = { command, askedAt: this.#world.now, outcome: null, toldAt: 0 }
    this.#checks.told.push(told)
    let mayHaveHappened = false
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      const answer = await this.#ask(command)
      if (answer.kind === 'ok') {
        told.outcome = answer.outcome
        told.toldAt = this.#world.now
        if (command.kind === 'hold') this.#holds.push(command.id)
        return true
      }
      if (answer.kind === 'unknown') mayHaveHappened = true
      else if (!mayHaveHappened && this.#world.chance.is(0.1)) {
        told.outcome = 'rejected' // nothing was done for it, and it lets it be
        told.toldAt = this.#world.now
        return false
      }
      this.#node =
        this.#nodes.find(({ leads }) => leads && this.#world.chance.is(0.7)) ?? this.#world.chance.of(this.#nodes)
      await this.#sleep(this.#world.chance.wait(THINK_MS))
      if (this.isOver && attempt > ATTEMPTS_MAX / 4) return false
    }
    return false
  }

  #ask(command: SimCommand): Promise<SimAnswer> {
    const node = this.#node
    return new Promise((resolve) => {
      this.#world.after(ANSWER_MS, () => resolve({ kind: 'unknown' }))
      this.#network.call(this.#name, node.name, () => node.ask(command), 'not double').then(resolve)
    })
  }

  #next(): SimCommand {
    const { chance } = this.#world
    const id = `${this.#name}-${++this.#asked}`
    const hold =
      this.#holds.length > 0 && chance.is(0.4) ? this.#holds.splice(chance.below(this.#holds.length), 1)[0] : undefined
    if (hold !== undefined) return { id, kind: chance.is(0.6) ? 'capture' : 'void', hold }
    const from = chance.below(ACCOUNTS)
    const to = (from + 1 + chance.below(ACCOUNTS - 1)) % ACCOUNTS
    return { id, kind: chance.is(0.4) ? 'hold' : 'transfer', from, to, amount: 1 + chance.below(60) }
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#world.after(ms, resolve))
  }
}
