import type { UploadStore } from '../blobs/blob-store.ts'
import type { UploadFacts } from '../metadata/metadata.ts'

/** Most sessions of one round: the rest waits for the next. */
const BATCH = 500

/**
 * Removes upload sessions unused for `unusedMs`, by the clock of their rows, then bytes without a session, as crashes leave them. Returns the
 * number of each. One bounded round; bytes in use are never touched.
 */
export async function expireUploads(
  { blobs, metadata }: { blobs: UploadStore; metadata: UploadFacts },
  unusedMs: number,
): Promise<{ sessions: number; orphans: number }> {
  const ids = await metadata.listStaleUploads(unusedMs, BATCH)
  for (const id of ids) {
    await metadata.deleteUpload(id)
    await blobs.discard(id)
  }
  let orphans = 0
  for (const id of await blobs.listStale(new Date(Date.now() - unusedMs), BATCH)) {
    // A long upload touches its bytes and its row at different times.
    if (await metadata.findUpload(id)) continue
    await blobs.discard(id)
    orphans++
  }
  return { sessions: ids.length, orphans }
}
