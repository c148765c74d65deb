import type { FileHandle } from 'node:fs/promises'
import { algorithmOf } from '../../oci/digest.ts'
import type { BufferBudget } from '../../stream/buffer-budget.ts'
import type { Interruption } from '../../stream/interruption.ts'
import { receive } from '../../stream/receive.ts'
import type { AppendRequest } from '../blob-store.ts'
import type { EarlySyncs, SyncPoint } from './early-sync.ts'
import type { HashThread } from './hashes/hash-thread.ts'
import type { UploadHash } from './hashes/upload-hash.ts'
import type { StoredEnd } from './stored-end.ts'

/** Longest silence of a client in the middle of a body, in milliseconds: slow links pause, dead ones do not come back. */
const BODY_GAP_MS = 60_000
/** First bytes of an upload that are hashed in line: small blobs need no thread, and these are read again in a moment. */
const IN_LINE_BYTES = 2 * 1024 * 1024
/** Transfers under way beyond which a hash stays in line: they have small buffers, and no memory for a thread. */
const FEW_TRANSFERS = 8

/** The file that a body goes into, and the parts that write and hash it. */
interface BodyTarget {
  readonly file: FileHandle
  readonly path: string
  /** End of the stored bytes, after which the body is written. */
  readonly from: StoredEnd
  /** Of those bytes. */
  readonly hash: UploadHash
  /** Takes the hash over once it is worth it; undefined: there is none. */
  readonly thread: HashThread | undefined
  readonly budget: BufferBudget
  readonly earlySyncs: EarlySyncs
  /** Called with the time of the last sync of the body, in milliseconds. */
  readonly onSync: ((ms: number) => void) | undefined
}

/** Length of an appended body, and the hash of all bytes up to its end: a new one if the thread took it over. */
interface AppendedBody {
  readonly length: number
  readonly interruption: Interruption | undefined
  readonly hash: UploadHash
}

/** A body as it comes. */
export interface Body extends Pick<AppendRequest, 'source' | 'release' | 'maxBytes' | 'beforePart'> {
  /** As in `AppendRequest`. */
  readonly onDurable: ((end: StoredEnd) => Promise<boolean>) | undefined
}

/**
 * Writes a body after the stored bytes, hashing it on the way; durable when it returns. If it fails, the hash is
 * dropped.
 */
export async function appendBody(target: BodyTarget, body: Body): Promise<AppendedBody> {
  const { file, budget, thread } = target
  const { offset, digest: digestBefore } = target.from
  const { source, release, maxBytes, onDurable, beforePart } = body
  const earlySync = target.earlySyncs.follow(file)
  let hash = target.hash
  const writing = new Set<Promise<void>>()
  let length = 0
  // Not later than that: the thread would have much to read while other uploads wait for it.
  const isWorthThread = (position: number): boolean =>
    position >= IN_LINE_BYTES &&
    position < 2 * IN_LINE_BYTES &&
    hash.isInLine &&
    budget.transfers <= FEW_TRANSFERS
  const pointAt = (end: number): SyncPoint => {
    // Taken now: it is that of the bytes so far, and others follow at once.
    const digest = hash.digest()
    return {
      written: Promise.all(writing),
      onDurable: async () => {
        const known = await digest
        if (known) await onDurable?.({ offset: end, digest: known })
      },
    }
  }
  const consume = (bytes: Buffer): Promise<void> => {
    try {
      beforePart?.(bytes.length)
    } catch (error) {
      return Promise.reject(error)
    }
    const position = offset + length
    length += bytes.length
    if (thread?.isUsable && isWorthThread(position)) {
      const algorithm = algorithmOf(digestBefore)
      hash = thread.begin({ algorithm, path: target.path, size: position, written: Promise.all(writing) })
    }
    // The write begins first: it runs on another thread while this one hashes.
    const taken = settleBoth(writeAll(file, bytes, position), () => hash.update(bytes))
    writing.add(taken)
    earlySync.count(bytes.length, onDurable && (() => pointAt(position + bytes.length)))
    return taken.finally(() => writing.delete(taken))
  }
  try {
    const { interruption } = await receive(source, { budget, consume, release, maxBytes, gapMs: BODY_GAP_MS })
    // After a failure the file is not synced again: the system may have dropped what it could not write.
    await earlySync.ended()
    const syncedFrom = performance.now()
    await file.sync()
    target.onSync?.(performance.now() - syncedFrom)
    return { length, interruption, hash }
  } catch (error) {
    hash.drop()
    throw error
  } finally {
    // The file is closed next: no write or sync may be under way.
    await Promise.allSettled([...writing, earlySync.ended()])
  }
}

/** Settles once the bytes are both written and hashed, also if the write fails. */
async function settleBoth(written: Promise<void>, startHash: () => Promise<void>): Promise<void> {
  const hashed = startHash()
  try {
    await written
  } finally {
    await hashed
  }
}

async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  let written = 0
  while (written < bytes.length) {
    const result = await file.write(bytes, written, bytes.length - written, position + written)
    written += result.bytesWritten
  }
}
