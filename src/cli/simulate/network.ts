import type { World } from './world.ts'

/** How bad the network is, apart from what is cut off. */
type Weather = { readonly drop: number; readonly double: number; readonly delayMs: number }

const STORM: Weather = { drop: 0.3, double: 0.2, delayMs: 15 }
const CALM: Weather = { drop: 0, double: 0, delayMs: 2 }

/** Messages between two ends that have names. They are lost, doubled, late and overtaken; one way may be cut off alone. */
export class Network {
  readonly #world: World
  readonly #cut = new Set<string>()
  readonly #usual: Weather
  #weather: Weather

  constructor(world: World) {
    const { chance } = world
    this.#world = world
    this.#usual = { drop: chance.between(0, 0.08), double: chance.between(0, 0.06), delayMs: chance.between(1, 8) }
    this.#weather = this.#usual
  }

  cut(from: string, to: string): void {
    this.#cut.add(`${from}>${to}`)
  }

  mend(from: string, to: string): void {
    this.#cut.delete(`${from}>${to}`)
  }

  storm(): void {
    if (this.#weather === this.#usual) this.#weather = STORM
  }

  calmDown(): void {
    if (this.#weather === STORM) this.#weather = this.#usual
  }

  heal(): void {
    this.#cut.clear()
    this.#weather = CALM
  }

  /** Asks and is answered, perhaps: a lost question and a lost answer look alike, and never settle. */
  call<T>(from: string, to: string, work: () => Promise<T>, may: 'double' | 'not double' = 'double'): Promise<T> {
    const copies = may === 'double' && this.#world.chance.is(this.#weather.double) ? 2 : 1
    return new Promise((resolve, reject) => {
      const deliver = (): void => {
        work().then(
          (answer) => this.#send(to, from, () => resolve(answer)),
          (error) => this.#send(to, from, () => reject(error)),
        )
      }
      for (let copy = 0; copy < copies; copy++) this.#send(from, to, deliver)
    })
  }

  #send(from: string, to: string, deliver: () => void): void {
    const { chance } = this.#world
    if (this.#cut.has(`${from}>${to}`) || chance.is(this.#weather.drop)) return
    this.#world.after(0.1 + chance.wait(this.#weather.delayMs), deliver)
  }
}
