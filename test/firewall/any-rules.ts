import fc from 'fast-check'

const TARGETS = [
  'ARGS',
  'ARGS:q',
  'ARGS|!ARGS:q',
  'ARGS:/^r/|REQUEST_COOKIES',
  'ARGS_NAMES|QUERY_STRING',
  '&ARGS',
  '&REQUEST_HEADERS:Referer',
  '&ARGS:q',
  '&ARGS|!ARGS:q',
  'REQUEST_HEADERS',
  'REQUEST_HEADERS:User-Agent',
  'REQUEST_HEADERS|!REQUEST_HEADERS:Referer',
  'REQUEST_HEADERS_NAMES',
  'REQUEST_URI|REQUEST_BODY|XML:/*',
  'REQUEST_METHOD',
  'TX:seen',
  'TX:level',
  '&TX:level',
  'TX:/^of_/',
  'MATCHED_VAR',
  'REMOTE_ADDR',
  'GEO:country_code',
]
const OPERATORS = [
  '@rx ^.*$',
  '@rx select|etc',
  '@rx ([a-z])=',
  '!@rx ^[a-z]',
  '@rx ^(?!a)',
  '@pm script cat',
  '!@pm script',
  '@contains /',
  '@contains %{tx.seen}',
  '@streq ',
  '!@streq POST',
  '@within GET %{tx.seen}',
  '@ge 1',
  '@ge %{tx.level}',
  '@rx ^%{tx.level}',
  '!@eq 0',
  '@gt %{tx.count}',
  '@detectSQLi',
  '@detectXSS',
  '@validateByteRange 32-126',
  '@unconditionalMatch',
  '@geoLookup',
]
const FORMS = [
  '',
  't:lowercase',
  't:urlDecodeUni,t:lowercase',
  't:none,t:removeWhitespace,multiMatch',
  't:length',
  't:sha1',
]
const EFFECTS = [
  'setvar:tx.count=+1',
  'setvar:tx.seen=%{tx.0}',
  'setvar:tx.of_%{matched_var_name}=%{matched_var}',
  'setvar:!tx.seen',
  'setvar:tx.level=1',
  'setvar:tx.level=+1',
  'setvar:tx.seen=%{tx.level}',
  'capture',
  'ctl:ruleRemoveById=3',
  'ctl:ruleRemoveTargetById=2-5;ARGS:q',
  'ctl:ruleEngine=Off',
  'ctl:ruleEngine=DetectionOnly',
  'ctl:requestBodyProcessor=XML',
  "msg:'found %{matched_var_name}'",
]
const ENDS = ['pass', 'pass', 'pass', 'deny', 'allow', 'allow:phase', 'pass,skip:1', 'pass,skipAfter:END']

const condition = fc.tuple(
  fc.uniqueArray(fc.constantFrom(...TARGETS), { minLength: 1, maxLength: 2 }),
  fc.constantFrom(...OPERATORS),
  fc.constantFrom(...FORMS),
  fc.uniqueArray(fc.constantFrom(...EFFECTS), { maxLength: 2 }),
)
const rule = fc.record({
  phase: fc.constantFrom(1, 2, 2, 2),
  end: fc.constantFrom(...ENDS),
  head: condition,
  chained: fc.array(condition, { maxLength: 2 }),
})

/** Rules that do what rules may do, in any order, numbered from 1. */
export const anyRules = fc.array(rule, { minLength: 1, maxLength: 10 }).map((all) => {
  const written = all.map(({ phase, end, head, chained }, index) => {
    const line = ([targets, operator, forms, effects]: typeof head, actions: readonly string[]): string =>
      `SecRule ${targets.join('|')} "${operator}" "${[...actions, forms, ...effects].filter((one) => one !== '').join(',')}"`
    const linked = (at: number): readonly string[] => (at < chained.length ? ['chain'] : [])
    return [
      line(head, [`id:${index + 1}`, `phase:${phase}`, end, ...linked(0)]),
      ...chained.map((condition, at) => line(condition, linked(at + 1))),
    ].join('\n')
  })
  return `${written.join('\n')}\nSecMarker END`
})
