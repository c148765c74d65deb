import type { UploadStore } from '../blobs/blob-store.ts'
import type { UploadFacts } from '../metadata/metadata.ts'

/** Sessions looked at in one round: what is left waits for the next. */
const BATCH = 500

/**
 * Removes upload sessions nobody continued since `before`, then bytes no session owns any more: what crashes leave.
 * Returns how many of each. One bounded round; nothing that is in use is ever touched.
 */
export async function expireUploads(
  { blobs, metadata }: { blobs: UploadStore; metadata: UploadFacts },
  before: Date,
): Promise<{ sessions: number; orphans: number }> {
  const ids = await metadata.listStaleUploads(before, BATCH)
  for (const id of ids) {
    await metadata.deleteUpload(id)
    await blobs.discard(id)
  }
  let orphans = 0
  for (const id of await blobs.listStale(before, BATCH)) {
    // A long upload touches its bytes and its row at different times.
    if (await metadata.findUpload(id)) continue
    await blobs.discard(id)
    orphans++
  }
  return { sessions: ids.length, orphans }
}
