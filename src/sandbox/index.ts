import type { Clock } from '../kernel/clock.ts'
import type { SandboxName } from '../platform/addresses.ts'
import { startBank } from './bank/bank.ts'
import { deskKeyIn } from './desk-key.ts'
import { startFraudProvider } from './fraud-provider.ts'
import { startIdentityProvider } from './identity-provider.ts'
import { startReviewDesk } from './review-desk.ts'
import type { Place } from './stand-in.ts'

/** Starts the stand-ins for third parties: real HTTP servers, for a machine of one's own. */
export async function startSandbox(options: {
  readonly places: Readonly<Record<SandboxName, Place>>
  readonly keyFolder: string
  /** What risk control signs cases with. */
  readonly deskSecret: string
  readonly clock: Clock
}): Promise<{ close(): Promise<void> }> {
  const { places, keyFolder, deskSecret, clock } = options
  const { privateKey } = await deskKeyIn(keyFolder)
  const standIns = await Promise.all([
    startIdentityProvider({ ...places['identity-provider'], keyFolder, clock }),
    startFraudProvider(places['fraud-provider']),
    startReviewDesk({ ...places['review-desk'], secret: deskSecret, privateKey, clock }),
    startBank(places.bank),
  ])
  return {
    async close() {
      await Promise.all(standIns.map((standIn) => standIn.close()))
    },
  }
}
