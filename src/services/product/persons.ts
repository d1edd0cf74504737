import { Type } from 'typebox'
import { type PersonPlan, type PersonSection, personPage } from '../../platform/person.ts'
import { versionedAnswers, versionItem } from '../../platform/versioned-wire.ts'
import type { VersionedRecords } from '../../platform/versions.ts'
import { ProductFields } from './schema.ts'

const PAGE = 50
const NEWEST = Number.MAX_SAFE_INTEGER

/** Products hold nothing on a person; which of them judge a person is cash flow's to say. */
export async function planPerson(): Promise<PersonPlan> {
  return { steps: [] }
}

/** `cursor` names the product, and below which version to go on. */
export function personSections(products: VersionedRecords<ProductFields>): readonly PersonSection[] {
  const { actor: _, ...told } = versionedAnswers(ProductFields).Versions.properties.items.items.properties
  return [
    {
      name: 'products',
      summary:
        'Every version of the terms that accounts of the person are under: a transfer names the one it was judged by',
      item: Type.Object(told),
      async read(sql, { cursor }) {
        const [id = '', below = ''] = cursor.split(':')
        const versions = await products.list(sql, id, PAGE + 1, below === '' ? NEWEST : Number(below))
        return personPage(
          versions,
          PAGE,
          ({ version }) => `${id}:${version}`,
          (version) => {
            const { actor: _, ...item } = versionItem(version)
            return item
          },
        )
      },
    },
  ]
}
