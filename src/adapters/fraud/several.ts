import type { FraudProvider, Score } from './port.ts'

/** Of several providers: `all` must answer, the `first` answer is taken, or so many of them are enough. */
export type HowMany = 'all' | 'first' | { readonly quorum: number }

export type Named = { readonly name: string; readonly provider: FraudProvider }

type Ok = Extract<Score, { status: 'ok' }>

/** How strict a word is. One that we don't know is stricter than what lets pass, and no rejection. */
const STRICTNESS: ReadonlyMap<string, number> = new Map([
  ['Accept', 0],
  ['Review', 2],
  ['Reject', 3],
])
const UNKNOWN_STRICTNESS = 1

/**
 * Asks all of them at once and takes the strictest of as many answers as are needed, with the highest score. What the
 * others answer later changes nothing. Unavailable as soon as too few can still answer.
 */
export function several(providers: readonly Named[], howMany: HowMany): FraudProvider {
  const needed = howMany === 'all' ? providers.length : howMany === 'first' ? 1 : howMany.quorum
  return {
    score: (request, signal, receipt) =>
      new Promise((resolve, reject) => {
        const answers: (Named & { readonly score: Ok })[] = []
        let missing = 0
        for (const named of providers) {
          named.provider.score(request, signal, receipt).then((score) => {
            if (score.status === 'ok') answers.push({ ...named, score })
            else missing += 1
            if (score.status === 'ok' && answers.length === needed) resolve(together(answers))
            else if (score.status === 'unavailable' && missing === providers.length - needed + 1) resolve(score)
          }, reject)
        }
      }),
    async details(seqIds, signal) {
      const asked = seqIds.split(' ').map(async (part) => {
        const [name = '', seqId = ''] = part.split('=')
        const found = providers.find((each) => each.name === name)
        return [name, (await found?.provider.details(seqId, signal)) ?? null] as const
      })
      return Object.fromEntries(await Promise.all(asked))
    },
    async close() {
      await Promise.all(providers.map(({ provider }) => provider.close()))
    },
  }
}

function together(answers: readonly (Named & { readonly score: Ok })[]): Ok {
  const decision = answers
    .map(({ score }) => score.decision)
    .reduce((one, other) => (rank(other) > rank(one) ? other : one))
  return {
    status: 'ok',
    decision,
    score: Math.max(...answers.map(({ score }) => score.score)),
    seqId: answers.map(({ name, score }) => `${name}=${score.seqId}`).join(' '),
    hitRules: answers.flatMap(({ name, score }) => score.hitRules.map((rule) => `${name}: ${rule}`)),
  }
}

function rank(decision: string): number {
  return STRICTNESS.get(decision) ?? UNKNOWN_STRICTNESS
}
