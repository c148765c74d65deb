import type { Logger } from 'pino'
import type { BlobPlace } from '../../blobs/blob-place.ts'
import type { BlobReader } from '../../blobs/blob-store.ts'
import type { Config } from '../../config/config.ts'
import type { Database } from '../../database/database.ts'
import { createBackupFacts } from '../../metadata/backup/create-backup-facts.ts'
import { findSlot } from '../../upkeep/backup/backup-schedule.ts'
import type { PaceLimits } from '../../upkeep/collect/pace.ts'
import { runPeriodically } from '../../upkeep/run-periodically.ts'
import type { BerthSchema } from '../database/database-schema.ts'
import { findBackupTrouble } from './find-trouble.ts'
import { type BackupReport, describeBad, runBackup } from './run-backup.ts'

/** Time of the first look whether a backup is due, after the start's own work, and between two, in milliseconds. */
const FIRST_LOOK_MS = 45_000
const LOOK_EVERY_MS = 60_000
/** Time after which a failed backup is tried again, in milliseconds. */
const RETRY_MS = 3_600_000
/** Time between two lines of the log about late backups, in milliseconds. */
const LATE_EVERY_MS = 3_600_000
/** Bounds of copying beside requests: far below what a disk gives, and a terabyte in three hours. */
const PACE: PaceLimits = { stepsPerSecond: 500, bytesPerSecond: 100 * 1024 ** 2 }

/** Dependencies of the backups of a server. */
interface BackingUpContext {
  readonly config: Config
  readonly logger: Logger
  readonly database: Database<BerthSchema>
  readonly isFrozen: boolean
  readonly blobs: Pick<BlobReader, 'stat' | 'send'>
  readonly place: Pick<BlobPlace, 'findForeignRepositories' | 'findOwnBlobs'>
  readonly version: string
  readonly configFile: string | undefined
  /** Times of looks, in milliseconds; by default those of a server. */
  readonly looks?: { readonly firstMs: number; readonly everyMs: number }
}

/** Memory of a server between two looks. */
interface LookState {
  /** Slot that needs no other look. */
  doneSlot: number | undefined
  lateLoggedAt: number
}

/** Makes a backup whenever one is due, on one node at a time, until it is disposed: then the one under way is cut off. */
export function keepBackingUp(context: BackingUpContext): AsyncDisposable {
  const { config, logger } = context
  const { folder } = config.backup
  if (folder === undefined) return { async [Symbol.asyncDispose]() {} }
  const stopping = new AbortController()
  const state: LookState = { doneSlot: undefined, lateLoggedAt: Number.NEGATIVE_INFINITY }
  const looks = runPeriodically(
    async () => {
      await backUpIfDue(context, { folder, state, signal: stopping.signal })
      await logLate(context, state)
    },
    {
      ...(context.looks ?? { firstMs: FIRST_LOOK_MS, everyMs: LOOK_EVERY_MS }),
      onError: (err) => {
        if (!stopping.signal.aborted) logger.error({ err, folder }, 'a backup failed')
      },
    },
  )
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort(new Error('The server was stopped'))
      await looks.stop()
    },
  }
}

async function backUpIfDue(
  { config, logger, ...parts }: BackingUpContext,
  { folder, state, signal }: { folder: string; state: LookState; signal: AbortSignal },
): Promise<void> {
  const at = findSlot(config.backup, parts.database.now())
  if (state.doneSlot === at) return
  const report = await runBackup({
    ...{ ...parts, config, folder, signal, pace: PACE, keep: config.backup.keep },
    ...{ isFull: false, isNew: false, isForced: false, slot: { at, retryMs: RETRY_MS } },
  })
  // Of another node, or of an earlier start: it may still fail, so that the next look is not left out.
  if (report === undefined) return
  if (report.copied.bad === 0) state.doneSlot = at
  logReport(logger, report)
}

function logReport(logger: Logger, { folder, generation, copied, removed, unread }: BackupReport): void {
  const { blobs, bytes, newBlobs, newBytes, bad, firstBad } = copied
  const facts = { folder, generation, blobs, bytes, newBlobs, newBytes, removed: removed?.generations }
  if (bad > 0) logger.error({ ...facts, bad }, `a backup is incomplete: ${describeBad(bad, firstBad)}`)
  else logger.info(facts, 'a backup is complete')
  if (unread.length > 0) logger.warn({ files: unread }, 'files could not be read and are not in the backup')
}

async function logLate({ config, logger, database }: BackingUpContext, state: LookState): Promise<void> {
  const trouble = await findBackupTrouble(config, createBackupFacts(database), database.now())
  if (trouble?.kind !== 'late' || performance.now() - state.lateLoggedAt < LATE_EVERY_MS) return
  state.lateLoggedAt = performance.now()
  logger.error(
    { folder: config.backup.folder, since: trouble.since },
    'backups are late: none was complete since',
  )
}
