import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { BlobPlace } from '../../blobs/blob-place.ts'
import type { BlobStore } from '../../blobs/blob-store.ts'
import type { Config } from '../../config/config.ts'
import type { CollectionFacts } from '../../metadata/collection-facts.ts'
import type { Metadata } from '../../metadata/metadata.ts'
import type { PassFacts, PassProgress } from '../../metadata/pass-facts.ts'
import type { ScrubFacts } from '../../metadata/scrub-facts.ts'
import { runPeriodically } from '../../upkeep/run-periodically.ts'
import { dropEnded } from '../../upkeep/scrub/drop-ended.ts'
import { scrub } from '../../upkeep/scrub/scrub.ts'
import { createScrubLog } from './log-scrub.ts'
import { isPlaceEmpty, toAsideKept, toScrubInterval, toScrubPace } from './scrub-terms.ts'

/** Time of the first look whether a pass is due, after the start's own work, and between two, in milliseconds. */
const FIRST_LOOK_MS = 5 * 60_000
const LOOK_EVERY_MS = 10 * 60_000
/** Time between two lines about content in quarantine, in milliseconds: a day, less the possible difference of two looks. */
const LOG_AGAIN_MS = 24 * 3_600_000 - LOOK_EVERY_MS

/** Dependencies of the scrubbing of a server. */
interface ScrubbingContext {
  readonly config: Config
  readonly logger: Logger
  readonly place: Pick<BlobPlace, 'findOwnBlobs'>
  readonly blobs: BlobStore
  readonly metadata: Metadata
  readonly facts: ScrubFacts
  readonly passes: PassFacts
  readonly collection: Pick<CollectionFacts, 'hasBlobs'>
}

/** Verifies all stored content every few weeks, slowly, on one node at a time, until it is disposed. */
export function keepScrubbing(context: ScrubbingContext): AsyncDisposable {
  const { logger } = context
  const stopping = new AbortController()
  const state = { loggedAt: Number.NEGATIVE_INFINITY }
  const looks = runPeriodically(() => look(context, { signal: stopping.signal, state }), {
    firstMs: FIRST_LOOK_MS,
    everyMs: LOOK_EVERY_MS,
    onError: (err) => {
      if (!stopping.signal.aborted) logger.error({ err }, 'stored content could not be verified')
    },
  })
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await looks.stop()
    },
  }
}

async function look(
  context: ScrubbingContext,
  { signal, state }: { signal: AbortSignal; state: { loggedAt: number } },
): Promise<void> {
  const { config, metadata, passes, facts } = context
  // Content of another database must not be judged by the rows of this one.
  await metadata.check()
  // Whoever copies the folder while the registry is read-only wants no file moved or removed meanwhile.
  if (await isReadOnly(metadata)) return
  await dropEnded(context, toAsideKept(config))
  if (config.scrubDays > 0 && !(await isPlaceEmpty({ place: context.place, facts: context.collection }))) {
    const holder = randomUUID()
    const from = await passes.take('scrub', { holder, everyMs: toScrubInterval(config) })
    if (typeof from === 'object') await runPass(context, { from, holder, signal })
  }
  await logDaily(context.logger, await facts.countDamages(), state)
}

async function isReadOnly({ findSwitch }: Pick<Metadata, 'findSwitch'>): Promise<boolean> {
  return (await findSwitch('read-only')) !== undefined
}

async function runPass(
  context: ScrubbingContext,
  { from, holder, signal }: { from: PassProgress; holder: string; signal: AbortSignal },
): Promise<void> {
  const { config, logger, place, collection, metadata } = context
  const { end, checked, bytes, found, repaired } = await scrub(
    {
      ...context,
      holder,
      signal,
      pace: toScrubPace(config),
      report: createScrubLog(logger),
      mayGoOn: async () =>
        !(await isReadOnly(metadata)) && !(await isPlaceEmpty({ place, facts: collection })),
    },
    from,
  )
  if (end === 'ended') logger.info({ checked, bytes, found, repaired }, 'all stored content was verified')
}

async function logDaily(
  logger: Logger,
  { count, since }: { count: number; since: Date | undefined },
  state: { loggedAt: number },
): Promise<void> {
  if (count === 0 || performance.now() - state.loggedAt < LOG_AGAIN_MS) return
  state.loggedAt = performance.now()
  logger.error(
    { count, since },
    'damaged content is in quarantine and not served: "berth scrub list" names it and its images',
  )
}
