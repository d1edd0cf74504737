import type { MemberStatus } from '../../src/platform/standing-news.ts'
import type { Standing, Standings } from '../../src/platform/standings.ts'

/** Standings as a test says them: everybody is active until it says otherwise. */
export function saidStandings(): Standings & {
  say(member: string, status: MemberStatus | 'unknown'): void
  place(member: string, standing: Standing): void
} {
  const said = new Map<string, MemberStatus | 'unknown'>()
  const placed = new Map<string, Standing>()
  return {
    say: (member, status) => void said.set(member, status),
    statusOf: async (member) => said.get(member) ?? 'active',
    place: (member, standing) => void placed.set(member, standing),
    standingOf: async (member) => placed.get(member) ?? { level: 0, kind: 'person', country: 'CN' },
    start() {},
    async close() {},
  }
}
