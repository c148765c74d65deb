import { ApiError } from '../../console/frame/api-error.ts'
import type { UpkeepControl } from '../../console/upkeep-port.ts'
import { createBackupFacts } from '../../metadata/backup/create-backup-facts.ts'
import { createScrubFacts } from '../../metadata/scrub/create-scrub-facts.ts'
import { parsePolicyDocument } from '../../policies/policy-document.ts'
import { PolicyError } from '../../policies/policy-error.ts'
import type { BackgroundWork } from '../background-work.ts'
import { toPace } from '../collection/collection-terms.ts'
import { createCollection } from '../collection/open-collection.ts'
import { AppError } from '../faults/app-error.ts'
import { createBlobPlace } from '../folders/blob-place.ts'
import { createRetention } from '../retention/open-retention.ts'
import { createScrubbing } from '../scrub/open-scrub.ts'
import type { ConsoleContext } from './console-context.ts'

/** The upkeep of a server, over what it has open: a second connection of one thread to SQLite could wait for itself. */
export function createUpkeepControl({ config, store, contents, background }: ConsoleContext): UpkeepControl {
  const { database } = store
  const { blobs } = contents
  const place = createBlobPlace(config)
  const collection = createCollection(config, { database, place, blobs, pace: toPace(config) })
  const scrubbing = createScrubbing(config, { database, place, blobs })
  const retention = createRetention({ database, place })
  return {
    async readCollection() {
      const [queue, held, late, round] = [
        await collection.status(),
        await collection.findHold(),
        await collection.countLate(),
        await collection.readRound(),
      ]
      return { queue, held, late, round }
    },
    async startCollection() {
      await asApiErrors(() => collection.requireOwnBlobs())
      begin(background, 'collection', (signal) => collection.collect({ isNow: false, signal }))
    },
    readScrub: () => scrubbing.status(),
    async startScrub() {
      if ((await scrubbing.status()).pass?.isHeld) throw new ApiError('BUSY')
      begin(background, 'scrub', (signal) => scrubbing.scrub({ isNow: false, isAnew: false, signal }))
    },
    listDamages: ({ limit, after }) =>
      createScrubFacts(database).listDamages({ limit, after: after as never }),
    listBackups: (limit) => createBackupFacts(database).listBackups(limit),
    listRetentionRuns: (limit) => retention.listRuns(limit),
    findRetentionRun: (id) => retention.findRun(id),
    planRetention: ({ pattern, policies }) =>
      retention.plan({ pattern, document: policies === undefined ? undefined : parsePolicies(policies) }),
    async startRetention(pattern) {
      const turn = await retention.findTurn()
      if (turn && turn.heldUntil.getTime() > database.now()) throw new ApiError('BUSY')
      begin(background, 'retention', () => retention.run({ pattern }))
    },
  }
}

function begin(
  background: BackgroundWork,
  name: string,
  work: (signal: AbortSignal) => Promise<unknown>,
): void {
  if (!background.begin(name, work)) throw new ApiError('BUSY')
}

async function asApiErrors(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    throw new ApiError('HELD', { message: error.message, cause: error })
  }
}

function parsePolicies(value: unknown): ReturnType<typeof parsePolicyDocument> {
  try {
    return parsePolicyDocument(value)
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error
    throw new ApiError('POLICY_INVALID', { message: `${error.message}. ${error.remedy}`, cause: error })
  }
}
