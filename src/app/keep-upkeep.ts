import type { Logger } from 'pino'
import type { BlobPlace } from '../blobs/blob-place.ts'
import type { Config } from '../config/config.ts'
import { createServerCollectionFacts } from '../metadata/collection/create-collection-facts.ts'
import { createRoundFacts } from '../metadata/collection/create-round-facts.ts'
import { createServerRetentionFacts } from '../metadata/retention/create-retention-facts.ts'
import { createPassFacts } from '../metadata/scrub/create-pass-facts.ts'
import { createScrubFacts } from '../metadata/scrub/create-scrub-facts.ts'
import { createSizeFacts } from '../metadata/sizes/create-size-facts.ts'
import { expireUploads } from '../upkeep/expire-uploads.ts'
import { runPeriodically } from '../upkeep/run-periodically.ts'
import { keepCollecting } from './collection/keep-collecting.ts'
import { keepFoldingSizes } from './collection/keep-folding-sizes.ts'
import { keepSweeping } from './collection/keep-sweeping.ts'
import { watchReadOnly } from './collection/watch-read-only.ts'
import type { Store } from './data/open-store.ts'
import type { Contents } from './open-registry.ts'
import { keepRetaining } from './retention/keep-retaining.ts'
import { keepScrubbing } from './scrub/keep-scrubbing.ts'

/** Time of the first search for abandoned uploads, after the start's own work, and between two, in milliseconds. */
const FIRST_EXPIRY_MS = 30_000
const EXPIRY_EVERY_MS = 3_600_000

/** Dependencies of the upkeep of a server. */
interface UpkeepContext {
  readonly config: Config
  readonly logger: Logger
  readonly place: BlobPlace
  readonly contents: Contents
  readonly database: Store['database']
}

/** All work on stored content that a server does by itself, until it is disposed. */
export function keepUpkeep({ config, logger, place, contents, database }: UpkeepContext): AsyncDisposable {
  const { blobs, metadata } = contents
  const collection = createServerCollectionFacts(database)
  const passes = createPassFacts(database)
  const rounds = createRoundFacts(database)
  const check = (): Promise<void> => metadata.check()
  const parts = { config, logger, place }
  const resources = new AsyncDisposableStack()
  resources.use(watchReadOnly(metadata, logger))
  resources.use(removeAbandonedUploads(contents, { config, logger }))
  resources.use(keepFoldingSizes(createSizeFacts(database), logger))
  resources.use(
    keepCollecting({
      ...parts,
      blobs,
      facts: collection,
      rounds,
      now: database.now,
      switches: metadata,
      check,
    }),
  )
  resources.use(
    keepRetaining({ ...parts, metadata, facts: createServerRetentionFacts(database), collection }),
  )
  resources.use(
    keepScrubbing({ ...parts, blobs, metadata, facts: createScrubFacts(database), passes, collection }),
  )
  resources.use(keepSweeping({ ...parts, blobs, facts: collection, passes, check }))
  return resources
}

function removeAbandonedUploads(
  { blobs, metadata }: Contents,
  { config, logger }: { config: Config; logger: Logger },
): AsyncDisposable {
  const expiry = runPeriodically(
    async () => {
      // Files of another database's uploads must not be removed by the rows of this one.
      await metadata.check()
      // Uploads that could not go on meanwhile are not abandoned.
      if (await metadata.findSwitch('read-only')) return
      const removed = await expireUploads({ blobs, metadata }, config.uploadMaxAgeHours * 3_600_000)
      if (removed.sessions + removed.orphans > 0) logger.info(removed, 'abandoned uploads removed')
    },
    {
      firstMs: FIRST_EXPIRY_MS,
      everyMs: EXPIRY_EVERY_MS,
      onError: (err) => logger.error({ err }, 'abandoned uploads could not be removed'),
    },
  )
  return { [Symbol.asyncDispose]: () => expiry.stop() }
}
