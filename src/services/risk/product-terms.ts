import type { Sql } from '../../platform/database.ts'

/** A product, and the version of its terms. */
export type Terms = { readonly product: string; readonly version: number }

/** Remembers the version that is in force from here on; an older one changes nothing. */
export async function keepTerms(sql: Sql, { product, version }: Terms): Promise<void> {
  await sql.query(
    `INSERT INTO product_terms (product, version) VALUES ($1, $2)
     ON CONFLICT (product) DO UPDATE SET version = greatest(product_terms.version, EXCLUDED.version)`,
    [product, version],
  )
}

/** Those of these terms that have a newer version, with it. */
export async function newerThan(sql: Sql, terms: readonly Terms[]): Promise<readonly Terms[]> {
  if (terms.length === 0) return []
  return sql.query<Terms>(
    `SELECT p.product, p.version FROM product_terms AS p
     JOIN jsonb_to_recordset($1::jsonb) AS known (product text, version integer)
       ON known.product = p.product AND known.version < p.version ORDER BY p.product`,
    [JSON.stringify(terms)],
  )
}
