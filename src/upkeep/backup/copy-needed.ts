import type { BlobReader } from '../../blobs/blob-store.ts'
import type { BackupFacts, NamedBlob } from '../../metadata/backup-facts.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Pace } from '../collect/pace.ts'
import { BackupError } from './backup-error.ts'
import type { BlobListWriter, ListedBlob } from './blob-list.ts'
import { BadSource, type CopyTarget, copyBlob, findDamage } from './copy-blob.ts'
import { type BadBlob, MAX_NAMED_BAD } from './generation.ts'

/** Blobs of one page of the facts. */
const PAGE = 500
/** Copies at once: each waits for the disk several times. */
const COPIES_AT_ONCE = 4
/** Blobs in turn that cannot be read, after which the store is lost rather than a blob: its disk is not mounted, or fails. */
const MAX_BAD_IN_TURN = 1_000

/** Dependencies of copying what facts need. */
interface CopyNeededParts {
  /** The facts of the backup, which no longer change. */
  readonly facts: Pick<BackupFacts, 'listNeeded' | 'readManifest'>
  readonly from: Pick<BlobReader, 'stat' | 'send'>
  readonly to: CopyTarget & Pick<BlobReader, 'verify'>
  readonly list: BlobListWriter
  /** True: copies that are there are read and, if they are damaged, replaced. Otherwise their size is compared. */
  readonly isFull: boolean
  readonly pace: Pace
  readonly signal?: AbortSignal | undefined
  /** Called before each page; it fails if the bytes are no longer held. */
  readonly beforePage?: (() => Promise<void>) | undefined
  /** Called after each page; the next one is read once it has settled. */
  readonly onProgress?: ((copied: CopiedBlobs) => void | Promise<void>) | undefined
}

/** Result of copying. */
export interface CopiedBlobs {
  /** Blobs that the target has, of those that the facts need, and their bytes. */
  blobs: number
  bytes: number
  /** Those that were not there before. */
  newBlobs: number
  newBytes: number
  /** Number of those that could not be copied, and the first of them. */
  bad: number
  readonly firstBad: BadBlob[]
}

/**
 * Copies all blobs that facts need and the target lacks, and writes the list of them. A blob that is bad in the source
 * does not stop the others, and is no loss if the target has a good copy, or the facts have its bytes, as of manifests. Errors: those of the target; the reason of
 * the signal.
 */
export async function copyNeeded(parts: CopyNeededParts): Promise<CopiedBlobs> {
  const result: CopiedBlobs = { blobs: 0, bytes: 0, newBlobs: 0, newBytes: 0, bad: 0, firstBad: [] }
  let after: Digest | undefined
  let badInTurn = 0
  for (;;) {
    await parts.beforePage?.()
    const page = await parts.facts.listNeeded({ after, limit: PAGE })
    if (page.length === 0) return result
    const outcomes = await mapInTurn(page, (blob) => bringBlob(parts, blob))
    for (const [at, outcome] of outcomes.entries()) {
      const { digest } = page[at] as NamedBlob
      badInTurn = outcome.problem === undefined ? 0 : badInTurn + 1
      count(result, digest, outcome)
    }
    if (badInTurn >= MAX_BAD_IN_TURN) throw lostStore(result)
    await parts.list.write(page.map((blob, at) => toListed(blob, outcomes[at] as Outcome)))
    await parts.onProgress?.(result)
    after = page.at(-1)?.digest
  }
}

/** End of a blob. */
interface Outcome {
  readonly size: number
  readonly isNew: boolean
  readonly problem: string | undefined
}

async function bringBlob(
  { facts, from, to, isFull, pace, signal }: CopyNeededParts,
  { digest, size }: NamedBlob,
): Promise<Outcome> {
  await pace.rest(signal)
  const held = await to.stat(digest)
  const isRight = held !== undefined && (size === undefined || held.size === size)
  if (isRight && (!isFull || (await findDamage(to, digest)) === undefined)) {
    if (isFull) pace.count(held.size)
    return { size: held.size, isNew: false, problem: undefined }
  }
  try {
    const copied = await copyBlob({ from, to, digest })
    pace.count(copied)
    return { size: copied, isNew: true, problem: undefined }
  } catch (error) {
    if (!(error instanceof BadSource)) throw error
    // The facts have the bytes of manifests, from which they are served, too.
    const bytes = await facts.readManifest(digest)
    if (bytes === undefined) return { size: size ?? 0, isNew: false, problem: error.message }
    await to.put(digest, bytes)
    pace.count(bytes.length)
    return { size: bytes.length, isNew: true, problem: undefined }
  }
}

function count(result: CopiedBlobs, digest: Digest, { size, isNew, problem }: Outcome): void {
  if (problem !== undefined) {
    result.bad++
    if (result.firstBad.length < MAX_NAMED_BAD) result.firstBad.push({ digest, problem })
    return
  }
  result.blobs++
  result.bytes += size
  if (!isNew) return
  result.newBlobs++
  result.newBytes += size
}

function toListed({ digest }: NamedBlob, { size, problem }: Outcome): ListedBlob {
  return { digest, size, isThere: problem === undefined }
}

/** Runs a task for all items, a few at once; the results are in the order of the items. After a failure none begins. */
export async function mapInTurn<T, R>(items: readonly T[], task: (item: T) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(items.length)
  let next = 0
  let hasFailed = false
  const work = async (): Promise<void> => {
    while (next < items.length && !hasFailed) {
      const at = next++
      try {
        results[at] = await task(items[at] as T)
      } catch (error) {
        hasFailed = true
        throw error
      }
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: COPIES_AT_ONCE }, work))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
  return results
}

function lostStore({ bad, firstBad }: CopiedBlobs): BackupError {
  return new BackupError(
    'BACKUP_INTERRUPTED',
    `${bad} blobs could not be read, such as ${firstBad[0]?.digest}: ${firstBad[0]?.problem}`,
    'See that the disk of the blobs is mounted and works ("berth doctor"), then run it again',
  )
}
