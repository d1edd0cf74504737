import type { Steps } from '../patterns/backtrack.ts'
import { foldSql } from './sql-fold.ts'
import { type SqlContext, SqlTokens } from './sql-tokens.ts'

/** Shapes that only an attack has, wherever the text was put. Kinds of words stand in `sql-tokens.ts`. */
const ANYWHERE: readonly RegExp[] = [
  /X/, //                                                 what MySQL runs in comments
  /U\(?E/, //                                             union select
  /^[1sv]\)?&(?:[1sv]|n[o&;c]|\(|f\()/, //                or 1=1
  /^[1sv]\)?;\(?(?:[EU]|T[(fnE1]|k[sn1]|f\()/, //         ; drop …
  /^n\)?;\(?(?:E[^n]|U|T[(fE1]|f\()/, //                  x; select 1
  /^[1s]\)?B(?:1|n\(|n[cf(]|f|\()/, //                    order by 1
  /^[1s]\)?k(?:1[&U;Bok]|n[&k;U]|s)/, //                  where 1=1 and …
  /^1\)?(?:&|;)?c$/, //                                   1--
  /^[1ns]\)?,?\(E|^1,\(?(?:f\(|k[k1])/, //                1,(select …
  /[&o,(]\(?E(?:[(fovk1]|n[k(,]|s)/, //                   =(select …
  /^f\((?:1,|f\(|\)|v|s[),]|n,|E)/, //                    left(user(), …
  /^E(?:okn|ok?\(|nkn|1[ko]|f\(|\([Ek1]|vk|skn|s&|v)/, // select * from …
  /^1\)?o(?:\(E|f\(|\(f)/, //                             1*(select …
  /^Ek[1n]k/, //                                          case when …
  /^T(?:T|f\()/, //                                       begin declare …
]

/** Shapes of a text that ends the quotes it was put in. */
const OUT_OF_QUOTES: readonly RegExp[] = [
  /^s\)?c$/, //                      ' --
  /^s\)?(?:[UET]|&(?:[1svE(f]|n[&c]))/, // ' or …
  /^s\)?o(?:s|1|\(|f\(|v|n[(o1&])/, // '=' …
  /^s\)?[kB][1(nsf]/, //             ' where 1 …
  /^s\)?;\(?[ETkf]/, //              '; drop …
  /^sk\)[&o]/, //                    ' in boolean mode) and …
  /^s\)?,\(?[Ef(]|^s\)?f\(/, //      ',(select …
]

/** What may be a statement at all: has a mark of SQL, or a keyword that needs none. */
const MAY_BE =
  /['"`;()=<>|&,*/#@\\{}[\]+-]|union|select|order|group|having|limit|procedure|where|waitfor|insert|delete|drop|case/i

/**
 * Whether a text would change the statement that it was put into, as our own signatures ask it: by shapes that people's texts do not
 * have. `isSqlInjection` takes `please order by 15` for an attack, and `'; exec x` for none. @throws OutOfSteps
 */
export function isSqlStatement(text: string, steps: Steps): boolean {
  steps.left -= 1 + text.length / 64
  if (text.length < 3 || !MAY_BE.test(text)) return false
  return contextsOf(text).some((context) => {
    const shape = foldSql(new SqlTokens(text, context, steps))
      .map(({ kind }) => kind)
      .join('')
    const shapes = context.quote === '' ? ANYWHERE : [...OUT_OF_QUOTES, ...ANYWHERE]
    return shapes.some((attack) => attack.test(shape))
  })
}

/** The ways in which it may stand in a statement; dialects differ in comments alone. */
function contextsOf(text: string): readonly SqlContext[] {
  const dialects = /#|--/.test(text) ? [false, true] : [false]
  const quotes = (["'", '"'] as const).filter((quote) => text.includes(quote))
  return dialects.flatMap((isMysql) => ['' as const, ...quotes].map((quote) => ({ quote, isMysql })))
}
