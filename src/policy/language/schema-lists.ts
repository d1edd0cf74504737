import { type TSchema, Type } from 'typebox'
import { closed, Id, some, text } from './schema-rule.ts'

const accountable = {
  owner: Type.Optional(text('who answers for it')),
  ticket: Type.Optional(text('where it was agreed')),
  expires: Type.Optional(text('an RFC 3339 time from which it is no longer in the list')),
}

const ListFile = Type.String({
  pattern: '^(?!\\.)[A-Za-z0-9._-]+(/(?!\\.)[A-Za-z0-9._-]+)*\\.txt$',
  maxLength: 400,
  description: 'a .txt file beside this one or below, one entry a line, # for comments',
})

/** Entries of one type: each a text, a text that somebody answers for, or a file of texts. */
const entries = (description: string) =>
  Type.Optional(
    some(
      Type.Union([
        text(description),
        Type.Object(
          { is: Type.Optional(text(description)), file: Type.Optional(ListFile), ...accountable },
          { ...closed, minProperties: 1 },
        ),
      ]),
      `${description}; \`{ is, owner, ticket, expires }\`; or \`{ file: list.txt }\``,
    ),
  )

export const listsKeys = {
  lists: Type.Array(
    Type.Object(
      {
        name: Id,
        about: Type.Optional(text('what is in it')),
        cidrs: entries('an address or a range in CIDR notation'),
        strings: entries('a text, compared exactly'),
        countries: entries('a country by its two letters in ISO 3166-1'),
        ...accountable,
      },
      { ...closed, minProperties: 2 },
    ),
    { minItems: 1 },
  ),
} satisfies Record<string, TSchema>
