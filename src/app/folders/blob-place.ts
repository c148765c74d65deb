import type { Logger } from 'pino'
import { type BlobPlace, type OpenPlaceOptions, UnusablePlaceError } from '../../blobs/blob-place.ts'
import type { BlobStore } from '../../blobs/blob-store.ts'
import { createDiskPlace } from '../../blobs/disk/disk-place.ts'
import type { Config } from '../../config/config.ts'
import type { Headroom } from '../../files/headroom.ts'
import type { ChunkCollector } from '../../stream/chunk-collector.ts'
import { toAppError } from '../faults/system-fault.ts'
import { refuseWithoutHeadroom } from './keep-headroom.ts'

/** The place of the blobs of a configuration. */
export function createBlobPlace({ registryRoot }: Pick<Config, 'registryRoot'>): BlobPlace {
  return createDiskPlace(registryRoot)
}

/** Dependencies of {@link openBlobs}. */
interface OpenBlobsParts extends Pick<OpenPlaceOptions, 'onSync'> {
  readonly logger: Logger
  readonly headroom: Headroom
  readonly collector: ChunkCollector
}

/** Opens the blobs of a configuration; while the headroom of their disk is given up, nothing is written. Errors: `AppError`. */
export async function openBlobs(
  config: Config,
  { logger, headroom, collector, onSync }: OpenBlobsParts,
): Promise<BlobStore> {
  const place = createBlobPlace(config)
  let isOnSameDisk = false
  const store = await withPlaceFaults(() =>
    place.open({
      beforeWrite: () => {
        if (isOnSameDisk) refuseWithoutHeadroom(headroom)
      },
      warn: (message, err) => logger.warn({ err }, message),
      collector,
      onSync,
    }),
  )
  // Not earlier: missing folders are made when the store is opened.
  isOnSameDisk = place.sharesDiskWith(config.dataDir)
  return store
}

/** Checks at start that blobs can be stored. Errors: `AppError` of the place `data`. */
export async function checkStorage(place: BlobPlace): Promise<void> {
  await withPlaceFaults(() => place.probe())
}

async function withPlaceFaults<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw error instanceof UnusablePlaceError ? toAppError(error.cause, 'data', error.part) : error
  }
}
