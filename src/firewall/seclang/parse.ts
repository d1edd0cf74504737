import { type Place, type RulesetFault, type RulesetFile, SyntaxFault } from './place.ts'
import type { Action, Directive, SecRule } from './syntax.ts'
import { type Line, readLines, type Token } from './tokens.ts'
import { readActions, readOperator, readTargets } from './words.ts'

/** What a file says and what is wrong with it. A directive with a fault is left out, and the reading goes on. */
export function parseSecLang(file: RulesetFile): {
  readonly directives: readonly Directive[]
  readonly faults: readonly RulesetFault[]
} {
  const directives: Directive[] = []
  const faults: RulesetFault[] = []
  const chain = openChain(directives)
  try {
    for (const line of readLines(file)) {
      try {
        readDirective(line, chain, directives)
      } catch (error) {
        faults.push(faultOf(error))
      }
    }
    chain.end()
  } catch (error) {
    faults.push(faultOf(error))
  }
  return { directives, faults }
}

function faultOf(error: unknown): RulesetFault {
  if (!(error instanceof SyntaxFault)) throw error
  return { ...error.place, severity: 'error', code: error.code, message: error.message }
}

type Chain = ReturnType<typeof openChain>

/** Rules that end with `chain` belong to the one before. */
function openChain(directives: Directive[]) {
  let head: (SecRule & { chained: SecRule[] }) | null = null
  let goesOn = false
  return {
    add(rule: SecRule): void {
      const isChained = rule.actions.some(({ name }) => name === 'chain')
      if (head !== null && goesOn) head.chained.push(rule)
      else {
        head = { ...rule, chained: [] }
        directives.push({ kind: 'rule', rule: head })
      }
      goesOn = isChained
    },
    end(): void {
      if (!goesOn || head === null) return
      goesOn = false
      throw new SyntaxFault(head.place, 'open-chain', 'the chain has no further rule')
    },
  }
}

function readDirective(line: Line, chain: Chain, directives: Directive[]): void {
  const [first, ...rest] = line.tokens
  const name = first?.text ?? ''
  const place = line.placeOf(first?.at ?? 0)
  const within = (token: Token) => (offset: number) => line.placeOf(token.at + offset)
  const actionsIn = (token: Token | undefined): readonly Action[] =>
    token === undefined ? [] : readActions(token.text, within(token))
  if (name === 'SecRule' || name === 'SecAction') {
    const [targets, operator, actions] = name === 'SecRule' ? rest : [null, null, rest[0]]
    if (targets === undefined || operator === undefined || rest.length > 3) {
      throw new SyntaxFault(place, 'bad-rule', 'SecRule takes variables, an operator and actions')
    }
    chain.add({
      place,
      targets: targets === null ? [] : readTargets(targets.text, within(targets)),
      operator: operator === null ? null : readOperator(operator.text, line.placeOf(operator.at)),
      actions: actionsIn(actions),
      chained: [],
    })
    return
  }
  chain.end()
  directives.push(otherDirective(name, place, rest, actionsIn, within))
}

const BY = { Id: 'id', Tag: 'tag', Msg: 'msg' } as const

function otherDirective(
  name: string,
  place: Place,
  rest: readonly Token[],
  actionsIn: (token: Token | undefined) => readonly Action[],
  within: (token: Token) => (offset: number) => Place,
): Directive {
  const [first, second] = rest
  if (name === 'SecMarker' && first !== undefined) return { kind: 'marker', name: first.text, place }
  if (name === 'SecDefaultAction') return { kind: 'defaults', actions: actionsIn(first), place }
  const removed = /^SecRuleRemoveBy(Id|Tag|Msg)$/.exec(name)?.[1] as keyof typeof BY | undefined
  if (removed !== undefined) return { kind: 'remove', by: BY[removed], what: rest.map(({ text }) => text), place }
  const updated = /^SecRuleUpdateTargetBy(Id|Tag|Msg)$/.exec(name)?.[1] as keyof typeof BY | undefined
  if (updated !== undefined && first !== undefined && second !== undefined) {
    const targets = readTargets(second.text, within(second))
    return { kind: 'retarget', by: BY[updated], what: first.text, targets, place }
  }
  return { kind: 'setting', name, values: rest.map(({ text }) => text), place }
}
