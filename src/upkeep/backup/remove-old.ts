import type { BlobReader, BlobWriter } from '../../blobs/blob-store.ts'
import type { Digest } from '../../oci/digest.ts'
import { type FoundGeneration, listGenerations, removeGeneration } from './backup-folder.ts'
import { type ListedBlob, readBlobList } from './blob-list.ts'

/** Blobs of one page of the store. */
const PAGE = 500

/** Removed parts of a folder of backups. */
export interface RemovedOld {
  readonly generations: string[]
  blobs: number
  bytes: number
}

/** Options of removing old generations. */
interface RemoveOldOptions {
  readonly folder: string
  readonly store: Pick<BlobReader, 'list'> & Pick<BlobWriter, 'delete'>
  /** Number of complete generations that stay; undefined: all. */
  readonly keep: number | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Removes the generations before the newest `keep` complete ones, and the blobs that no generation names any more. One that lacks
 * blobs counts for nothing: it never takes the place of a complete one. Blobs stay while a generation cannot be read,
 * since they may be its. Errors: `BackupError` `BACKUP_DAMAGED`; those of the folder and the store.
 */
export async function removeOld({ folder, store, keep, signal }: RemoveOldOptions): Promise<RemovedOld> {
  const removed: RemovedOld = { generations: [], blobs: 0, bytes: 0 }
  let isReadable = true
  const found = await listGenerations(folder, () => {
    isReadable = false
  })
  const old = keep === undefined ? [] : findOld(found, keep)
  for (const generation of old) {
    await removeGeneration(generation)
    removed.generations.push(generation.generation.name)
  }
  if (!isReadable) return removed
  const kept = found.filter((one) => !old.includes(one))
  await removeUnnamed({ store, kept, signal }, removed)
  return removed
}

/** Those before the newest `keep` complete ones. */
function findOld(found: readonly FoundGeneration[], keep: number): FoundGeneration[] {
  let complete = 0
  return found
    .toReversed()
    .filter(({ generation }) => {
      const isOld = complete >= keep
      if (generation.bad === 0) complete++
      return isOld
    })
    .reverse()
}

/** Store and lists are both by digest, so that each is read once, and none is held in memory. */
async function removeUnnamed(
  { store, kept, signal }: { kept: readonly FoundGeneration[] } & Pick<RemoveOldOptions, 'store' | 'signal'>,
  removed: RemovedOld,
): Promise<void> {
  const lists = await Promise.all(kept.map((one) => ListReader.open(one)))
  try {
    let after: Digest | undefined
    do {
      signal?.throwIfAborted()
      const { blobs, next } = await store.list({ after, limit: PAGE })
      for (const { digest, size } of blobs) {
        const isNamed = await Promise.all(lists.map((list) => list.has(digest)))
        if (isNamed.includes(true)) continue
        await store.delete(digest)
        removed.blobs++
        removed.bytes += size
      }
      after = next
    } while (after !== undefined)
  } finally {
    for (const list of lists) await list.close()
  }
}

/** A list that is read along with another one in the same order. */
class ListReader {
  readonly #blobs: AsyncGenerator<ListedBlob>
  #current: ListedBlob | undefined

  private constructor(blobs: AsyncGenerator<ListedBlob>) {
    this.#blobs = blobs
  }

  static async open(found: FoundGeneration): Promise<ListReader> {
    const reader = new ListReader(readBlobList(found))
    await reader.#step()
    return reader
  }

  /** True if the list has the digest, which is none before the one of the last call. */
  async has(digest: Digest): Promise<boolean> {
    while (this.#current !== undefined && this.#current.digest < digest) await this.#step()
    return this.#current?.digest === digest
  }

  async close(): Promise<void> {
    await this.#blobs.return(undefined)
  }

  async #step(): Promise<void> {
    const { value, done } = await this.#blobs.next()
    this.#current = done ? undefined : value
  }
}
