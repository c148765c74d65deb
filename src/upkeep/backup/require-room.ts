import type { BlobReader, BlobStore } from '../../blobs/blob-store.ts'
import type { BackupFacts, NamedBlob } from '../../metadata/backup-facts.ts'
import type { Digest } from '../../oci/digest.ts'
import { BackupError } from './backup-error.ts'
import { mapInTurn } from './copy-needed.ts'

/** Blobs of one page of the facts. */
const PAGE = 500
const MIB = 1024 ** 2

/** Dependencies of comparing what a backup copies with the room for it. */
interface RoomParts {
  readonly facts: Pick<BackupFacts, 'listNeeded'>
  readonly from: Pick<BlobReader, 'stat'>
  readonly to: Pick<BlobStore, 'stat' | 'measureRoom'>
  /** Bytes that the facts take at least. */
  readonly factsBytes: number
  /** Path of the folder of backups. */
  readonly folder: string
  readonly signal?: AbortSignal | undefined
}

/**
 * Refuses a backup for which there is clearly too little room: facts and missing blobs take more bytes than are free. It may need
 * some more than that, as file systems round up. Errors: `BackupError` `BACKUP_NO_ROOM`; those of the stores and the facts.
 */
export async function requireRoom(parts: RoomParts): Promise<void> {
  const { to, factsBytes, folder } = parts
  const room = await to.measureRoom?.()
  // A store without a bound of its own.
  if (room === undefined) return
  const { freeBytes } = room
  // Most disks have room for all blobs, which needs no look at their files.
  const all = factsBytes + (await sumSizes(parts, async (page) => page))
  if (all <= freeBytes) return
  const needed = factsBytes + (await sumSizes(parts, (page) => findMissing(parts, page)))
  if (needed <= freeBytes) return
  throw new BackupError(
    'BACKUP_NO_ROOM',
    `The backup needs ${toMib(needed)} in ${folder}, and ${toMib(freeBytes)} are free there. Nothing was copied`,
    'Free space there, or name a folder on a larger disk; "berth backup --force" copies as much as there is room for',
  )
}

async function sumSizes(
  { facts, signal }: RoomParts,
  choose: (page: NamedBlob[]) => Promise<NamedBlob[]>,
): Promise<number> {
  let sum = 0
  let after: Digest | undefined
  for (;;) {
    signal?.throwIfAborted()
    const page = await facts.listNeeded({ after, limit: PAGE })
    if (page.length === 0) return sum
    for (const { size } of await choose(page)) sum += size ?? 0
    after = page.at(-1)?.digest
  }
}

/** The blobs that are copied: the target lacks them, and the source has them. */
async function findMissing({ from, to }: RoomParts, page: NamedBlob[]): Promise<NamedBlob[]> {
  const isCopied = await mapInTurn(page, async ({ digest, size }) => {
    const held = await to.stat(digest)
    if (held !== undefined && (size === undefined || held.size === size)) return false
    // One that cannot be read takes no room: the copying names it.
    return (await from.stat(digest).catch(() => undefined)) !== undefined
  })
  return page.filter((_, at) => isCopied[at])
}

function toMib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`
}
