import type { TSchema } from 'typebox'
import { ExportManifest, ExportPart, SealLine } from '../../src/platform/export-document.ts'
import type { ServiceRoute } from '../../src/platform/service-route.ts'
import { serviceRoutes } from './openapi-documents.ts'

const DOOR = '/internal/persons/:member/'

type Section = { readonly service: string; readonly name: string; readonly summary: string; readonly item: TSchema }

/** What each service tells of a person, by the doors at which it does. */
function personSections(): readonly Section[] {
  return Object.entries(serviceRoutes()).flatMap(([service, routes]) =>
    routes
      .filter(({ path }) => path.startsWith(DOOR))
      .map((route) => ({ service, name: route.path.slice(DOOR.length), summary: route.summary, item: itemOf(route) })),
  )
}

function itemOf({ answers, path }: ServiceRoute): TSchema {
  const item = (answers[200] as { properties?: { items?: { items?: TSchema } } }).properties?.items?.items
  if (item === undefined) throw new Error(`${path} answers items`)
  return item
}

/** config/export.schema.json: a line of an export's file, and under `$defs` what its seal signs. */
export function exportSchema(): unknown {
  const parts = personSections().map(({ service, name, summary, item }) => ({
    ...ExportPart,
    description: summary,
    properties: {
      ...ExportPart.properties,
      service: { const: service },
      section: { const: name },
      items: { type: 'array', minItems: 1, items: item },
    },
  }))
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'urn:tidegate:export:1',
    title: "A line of a person's export (tidegate-export/1): a part, or the seal at the end",
    anyOf: [...parts, SealLine],
    $defs: { manifest: ExportManifest },
  }
  return JSON.parse(JSON.stringify(schema))
}

/** docs/export.md, the tables. */
export function exportPage(): string {
  const rows = personSections().map(({ service, name, summary, item }) => {
    return `| \`${name}\` | ${service} | ${summary} | ${namesIn(item).join(', ')} |`
  })
  const fields = Object.entries(ExportManifest.properties as Record<string, { description?: string }>).map(
    ([name, { description = '' }]) => `| \`${name}\` | ${description} |`,
  )
  return `# What an export of a person holds

Written by \`npm run openapi\` from the services; a test compares it. Its JSON Schema is \`config/export.schema.json\`; how one is asked for,
and what it leaves out, stands in [personal-data.md](personal-data.md). Names in *italics* may be left out.

## Sections

| section | of | what | fields |
| --- | --- | --- | --- |
${rows.join('\n')}

## The manifest

What the seal signs, a compact JWS (RFC 7515) by a key of \`GET /v1/export-keys\`:

| field | says |
| --- | --- |
${fields.join('\n')}
`
}

function namesIn(item: TSchema): readonly string[] {
  const { properties = {}, required = [] } = item as { properties?: object; required?: readonly string[] }
  return Object.keys(properties).map((name) => (required.includes(name) ? name : `*${name}*`))
}
