import type { BlobReader } from '../../blobs/blob-store.ts'
import type { FoundGeneration } from './backup-folder.ts'
import { type ListedBlob, readBlobList } from './blob-list.ts'
import { BadSource, type CopyTarget, copyBlob, findDamage } from './copy-blob.ts'
import { mapInTurn } from './copy-needed.ts'
import { type BadBlob, MAX_NAMED_BAD } from './generation.ts'

/** Blobs of one page of the list. */
const PAGE = 500

/** Result of reading or copying all blobs of a generation. */
export interface ReadBlobs {
  blobs: number
  bytes: number
  /** Number of those that the facts need, and are missing or damaged; with the first of them. */
  bad: number
  readonly firstBad: BadBlob[]
}

/** Options of a pass over the blobs of a generation. */
interface PassOptions {
  readonly from: Pick<BlobReader, 'stat' | 'send' | 'verify'>
  readonly onProgress?: ((read: ReadBlobs) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Copies the blobs of a generation into a store, each hashed on the way; those that are there stay, so that a run that
 * was ended goes on. A bad blob does not stop the others. Errors: those of the target; `BackupError` of a damaged list.
 */
export function restoreBlobs(
  found: FoundGeneration,
  { to, ...options }: PassOptions & { readonly to: CopyTarget },
): Promise<ReadBlobs> {
  return passOver(found, options, async ({ digest, size, isThere }) => {
    const isDone = isThere && (await to.stat(digest))?.size === size
    if (!isDone) await copyBlob({ from: options.from, to, digest })
  })
}

/** Reads all blobs of a generation and compares them with their digests. Errors: `BackupError` of a damaged list. */
export function checkBlobs(found: FoundGeneration, options: PassOptions): Promise<ReadBlobs> {
  return passOver(found, options, async ({ digest, size, isThere }) => {
    const held = await options.from.stat(digest)
    if (held === undefined) throw new BadSource('missing')
    if (isThere && held.size !== size) throw new BadSource('damaged')
    const damage = await findDamage(options.from, digest)
    if (damage !== undefined) throw new BadSource(damage)
  })
}

async function passOver(
  found: FoundGeneration,
  { onProgress, signal }: PassOptions,
  act: (blob: ListedBlob) => Promise<void>,
): Promise<ReadBlobs> {
  const result: ReadBlobs = { blobs: 0, bytes: 0, bad: 0, firstBad: [] }
  const pass = async (page: readonly ListedBlob[]): Promise<void> => {
    signal?.throwIfAborted()
    await mapInTurn(page, async (blob) => {
      const found = await findProblem(() => act(blob))
      // One that could not be copied at the time may have been copied by a later backup.
      const problem = found === 'missing' && !blob.isThere ? 'never copied' : found
      if (problem === undefined) {
        result.blobs++
        result.bytes += blob.size
      } else {
        result.bad++
        if (result.firstBad.length < MAX_NAMED_BAD) result.firstBad.push({ digest: blob.digest, problem })
      }
    })
    onProgress?.(result)
  }
  let page: ListedBlob[] = []
  for await (const blob of readBlobList(found)) {
    page.push(blob)
    if (page.length < PAGE) continue
    await pass(page)
    page = []
  }
  await pass(page)
  return result
}

async function findProblem(act: () => Promise<void>): Promise<string | undefined> {
  try {
    await act()
    return undefined
  } catch (error) {
    if (error instanceof BadSource) return error.message
    throw error
  }
}
