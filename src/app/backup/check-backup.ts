import type { BlobReader } from '../../blobs/blob-store.ts'
import type { FoundGeneration } from '../../upkeep/backup/backup-folder.ts'
import { requireWhole } from '../../upkeep/backup/blob-list.ts'
import { checkBlobs, type ReadBlobs } from '../../upkeep/backup/restore-blobs.ts'

/** Findings about a generation. */
interface CheckReport {
  readonly blobs: ReadBlobs
  /** Files beside the blobs that are missing or damaged, by path. */
  readonly badFiles: readonly string[]
}

/** Reads every byte of a generation and compares it with its checksum. Errors: `BackupError` if the list of blobs is damaged. */
export async function checkGeneration(
  found: FoundGeneration,
  from: Pick<BlobReader, 'stat' | 'send' | 'verify'>,
  onProgress?: (read: ReadBlobs) => void,
): Promise<CheckReport> {
  const badFiles: string[] = []
  for (const file of [found.generation.facts, found.generation.list, ...found.generation.files]) {
    if ('link' in file) continue
    if (!(await isWhole(found, file))) badFiles.push(file.path)
  }
  return { blobs: await checkBlobs(found, { from, onProgress }), badFiles }
}

async function isWhole(
  found: FoundGeneration,
  file: FoundGeneration['generation']['facts'],
): Promise<boolean> {
  return requireWhole(found, file).then(
    () => true,
    () => false,
  )
}
