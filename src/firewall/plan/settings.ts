import type { Directive } from '../seclang/syntax.ts'
import type { Faults } from './faults.ts'

/** What other parts of the edge decide: logs are receipts, limits stand in the configuration, answers are not looked at. */
const WITHOUT_EFFECT =
  /^Sec(?:AuditEngine|AuditLog\w*|DebugLog\w*|TmpDir|DataDir|Upload\w+|Response\w+|StatusEngine|ComponentSignature|ServerSignature|CollectionTimeout|UnicodeMapFile|UnicodeCodePage|PcreMatchLimit\w*|RequestBody(?:Access|Limit|LimitAction|NoFilesLimit|InMemoryLimit|JsonDepthLimit)|ArgumentsLimit|RuleEngine|CookieFormat|ArgumentSeparator|GeoLookupDb|TmpSaveUploadedFiles|InterceptOnError)$/

/** Settings with one value that is understood. */
const ONLY: Readonly<Record<string, string>> = { SecArgumentSeparator: '&', SecCookieFormat: '0' }

/** What a directive that is no rule means here: nothing, or it is an error. */
export function checkSetting({ name, values, place }: Extract<Directive, { kind: 'setting' }>, faults: Faults): void {
  const only = ONLY[name]
  if (only !== undefined && values[0] !== only) {
    faults.error(place, 'unsupported-directive', `${name} ${values.join(' ')}: only ${only} is understood here`)
  } else if (/^Include/.test(name)) {
    faults.error(place, 'unsupported-directive', `${name}: name the file or its folder in \`from\``)
  } else if (!WITHOUT_EFFECT.test(name)) {
    faults.error(place, 'unsupported-directive', `the directive ${name} is not known here`)
  }
}
