import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { BlobPlace } from '../../blobs/blob-place.ts'
import type { BlobStore } from '../../blobs/blob-store.ts'
import type { Config } from '../../config/config.ts'
import type { CollectionFacts } from '../../metadata/collection-facts.ts'
import type { PassFacts } from '../../metadata/pass-facts.ts'
import { sweep } from '../../upkeep/collect/sweep.ts'
import { runPeriodically } from '../../upkeep/run-periodically.ts'
import { toPolicy } from './collection-terms.ts'
import { findPlaceHold } from './find-place-hold.ts'

/** Time of the first look whether a sweep is due, after the start's own work, and between two, in milliseconds. */
const FIRST_LOOK_MS = 10 * 60_000
const LOOK_EVERY_MS = 10 * 60_000
const DAY_MS = 24 * 3_600_000
/** Blobs listed a second: each is a look at its file. A million takes some two hours. */
const PACE = { stepsPerSecond: 150, bytesPerSecond: Number.MAX_SAFE_INTEGER }

/** Dependencies of the sweeps of a server. */
interface SweepingContext {
  readonly config: Config
  readonly logger: Logger
  readonly place: Pick<BlobPlace, 'findForeignRepositories' | 'findOwnBlobs'>
  readonly blobs: Pick<BlobStore, 'list'>
  readonly facts: CollectionFacts
  readonly passes: PassFacts
  /** Fails if the facts are not those of these blobs, as after the database was replaced. */
  readonly check: () => Promise<void>
}

/**
 * Finds files that the database does not name every few days, slowly, on one node at a time, until it is disposed. Collection
 * removes them once a push that stored one has had the time to name it; while that is off or held, none is looked for.
 */
export function keepSweeping(context: SweepingContext): AsyncDisposable {
  const { config, logger } = context
  if (!config.collect || config.sweepDays === 0) return { async [Symbol.asyncDispose]() {} }
  const stopping = new AbortController()
  const looks = runPeriodically(() => sweepIfDue(context, stopping.signal), {
    firstMs: FIRST_LOOK_MS,
    everyMs: LOOK_EVERY_MS,
    onError: (err) => {
      if (!stopping.signal.aborted)
        logger.error({ err }, 'files that the database does not name could not be looked for')
    },
  })
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await looks.stop()
    },
  }
}

async function sweepIfDue(context: SweepingContext, signal: AbortSignal): Promise<void> {
  const { config, logger, blobs, facts, passes, check } = context
  await check()
  const mayGoOn = async (): Promise<boolean> => (await findPlaceHold(context)) === undefined
  if (!(await mayGoOn())) return
  const holder = randomUUID()
  const from = await passes.take('sweep', { holder, everyMs: config.sweepDays * DAY_MS })
  if (typeof from === 'string') return
  const { relyMs } = toPolicy(config)
  const { checked, found, isEnded } = await sweep(
    { blobs, facts, passes, holder, graceMs: relyMs, pace: PACE, mayGoOn, signal },
    from,
  )
  if (isEnded && found > 0) {
    logger.info(
      { checked, found },
      'files that the database does not name were found: they are removed in a day',
    )
  }
}
