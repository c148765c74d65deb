import type { Logger } from 'pino'
import type { BlobPlace } from '../../blobs/blob-place.ts'

/**
 * Warns if the folder of the blobs holds repositories of Distribution that are not taken over: Berth serves only what its
 * own database names, and removes no blobs as long as they are there.
 */
export async function warnOfUnreadRepositories(place: BlobPlace, logger: Logger): Promise<void> {
  const folder = await place.findForeignRepositories()
  if (folder === undefined) return
  logger.warn(
    { folder },
    'the folder holds repositories of the Distribution registry, which are not served, or are out of date: take them over ' +
      'with "berth adopt", or start with --adopt. No blobs are removed as long as they are there',
  )
}
