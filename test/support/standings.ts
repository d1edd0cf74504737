import type { MemberStatus } from '../../src/platform/standing-news.ts'
import type { Standings } from '../../src/platform/standings.ts'

/** Standings as a test says them: everybody is active until it says otherwise. */
export function saidStandings(): Standings & { say(member: string, status: MemberStatus | 'unknown'): void } {
  const said = new Map<string, MemberStatus | 'unknown'>()
  return {
    say: (member, status) => void said.set(member, status),
    statusOf: async (member) => said.get(member) ?? 'active',
    start() {},
    async close() {},
  }
}
