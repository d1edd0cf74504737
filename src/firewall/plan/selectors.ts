import type { RuleSelector } from './plan.ts'

/** Rules by numbers and ranges of numbers, `942100-942199`, or by the names of signatures. */
export function byId(what: readonly string[]): RuleSelector {
  const ranges = what
    .flatMap((each) => each.split(/[\s,]+/))
    .filter((each) => each !== '')
    .map((each) => /^(\d+)-(\d+)$/.exec(each) ?? ([each, each, each] as const))
  return ({ id }) =>
    ranges.some(([whole, first, last]) =>
      /^\d+$/.test(first ?? '') && /^\d+$/.test(id)
        ? Number(id) >= Number(first) && Number(id) <= Number(last)
        : id === whole,
    )
}

/** Rules that have the tag; a word between slashes is a part of it. */
export function byTag(tag: string): RuleSelector {
  const wanted = tag.toLowerCase()
  return ({ tags }) => tags.some((each) => each.toLowerCase().includes(wanted))
}

function byMessage(message: string): RuleSelector {
  return (rule) => (rule.message.fixed ?? '').includes(message)
}

export function selectorOf(by: 'id' | 'tag' | 'msg', what: string): RuleSelector {
  return by === 'id' ? byId([what]) : by === 'tag' ? byTag(what) : byMessage(what)
}
