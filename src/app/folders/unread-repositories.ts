import type { Logger } from 'pino'
import type { BlobPlace } from '../../blobs/blob-place.ts'

/**
 * Warns if the folder of the blobs holds repositories of Distribution: Berth reads blobs by the same paths, but serves
 * only what its own database names, so an operator who moves over would search the images in vain.
 */
export async function warnOfUnreadRepositories(place: BlobPlace, logger: Logger): Promise<void> {
  const folder = await place.findForeignRepositories()
  if (folder === undefined) return
  logger.warn(
    { folder },
    'The folder holds repositories of the Distribution registry, which Berth does not serve: let that registry run on ' +
      'another port and copy them, for example with "skopeo sync". This is logged at each start as long as the folder exists',
  )
}
