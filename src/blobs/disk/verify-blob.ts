import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { algorithmOf, type Digest } from '../../oci/digest.ts'
import { isOutOfDescriptors } from '../../stream/descriptors.ts'
import type { BlobCondition, VerifyOptions } from '../blob-store.ts'
import { isAbsent, systemCodeOf, toStorageFault } from '../storage-fault.ts'
import type { HashThread } from './hashes/hash-thread.ts'
import { InLineHash, type UploadHash } from './hashes/upload-hash.ts'

/** Bytes read at once: one buffer is hashed while the other is filled. */
const READ_BYTES = 512 * 1024
/** Size from which a hash is worth messages to a thread, in bytes. */
const THREAD_FROM_BYTES = 1024 * 1024
/** A pipe in the place of a file is opened without a writer. */
const READ = constants.O_RDONLY | constants.O_NONBLOCK
/**
 * Reads past the page cache: the bytes are those of the disk, and what clients pull stays in memory. Node has no
 * `posix_fadvise`, which would be the other way. Undefined on macOS; refused by some file systems.
 */
const DIRECT: number | undefined = constants.O_DIRECT

/** The two buffers of a verification. */
export type VerifyBuffers = readonly [Buffer, Buffer]

/**
 * Buffers that begin at a page, as reads past the page cache demand: V8 maps memory that can grow page by page, and no
 * other. It is shared, so that a thread hashes it without a copy.
 */
export function makeVerifyBuffers(): VerifyBuffers {
  const make = (): Buffer => Buffer.from(new SharedArrayBuffer(READ_BYTES, { maxByteLength: READ_BYTES }))
  return [make(), make()]
}

/** A blob to verify, and the parts that read it. */
interface Verification extends VerifyOptions {
  readonly digest: Digest
  readonly buffers: VerifyBuffers
  /** Undefined: it is hashed in line. */
  readonly thread: HashThread | undefined
}

/** Reads a file to its end and compares its bytes with the digest. Errors: as of `BlobReader.verify()`. */
export async function verifyBlob(path: string, verification: Verification): Promise<BlobCondition> {
  try {
    return await verifyPastCache(path, verification)
  } catch (error) {
    return toCondition(error)
  }
}

function toCondition(error: unknown): BlobCondition {
  if (isAbsent(error)) return { kind: 'absent' }
  const code = systemCodeOf(error)
  if (code === 'EISDIR') return { kind: 'no-file' }
  if (code === undefined || code === 'ENOMEM' || isOutOfDescriptors(error)) {
    throw toStorageFault(error, 'the content cannot be read')
  }
  return { kind: 'unreadable', reason: code }
}

async function verifyPastCache(path: string, verification: Verification): Promise<BlobCondition> {
  if (DIRECT !== undefined) {
    try {
      return await verifyOpened(path, READ | DIRECT, verification)
    } catch (error) {
      // The file system has no such reads, or wants them otherwise aligned.
      if (systemCodeOf(error) !== 'EINVAL') throw error
    }
  }
  return await verifyOpened(path, READ, verification)
}

async function verifyOpened(path: string, flags: number, verification: Verification): Promise<BlobCondition> {
  const { digest, thread } = verification
  await using file = await open(path, flags)
  const facts = await file.stat()
  if (!facts.isFile()) return { kind: 'no-file' }
  const { size } = facts
  const algorithm = algorithmOf(digest)
  const isThreadUsed = thread?.isUsable === true && size >= THREAD_FROM_BYTES
  const hash: UploadHash = isThreadUsed
    ? thread.begin({ algorithm, path, size: 0, written: Promise.resolve() })
    : new InLineHash(algorithm)
  try {
    const read = await hashFile(file, size, { ...verification, hash })
    const found = await hash.digest()
    // The thread was lost: once it is lost too often, none is used.
    if (found === undefined) return await verifyOpened(path, flags, { ...verification, thread: undefined })
    return { kind: found === digest ? 'whole' : 'changed', size: read }
  } finally {
    hash.drop()
  }
}

/** Hashes a file of that size; returns the number of bytes read, which differs if the file was cut meanwhile. */
async function hashFile(
  file: FileHandle,
  size: number,
  { buffers, hash, onRead }: Verification & { hash: UploadHash },
): Promise<number> {
  let position = 0
  let turn = 0
  const read = async (): Promise<Buffer> => {
    const buffer = buffers[turn % 2 === 0 ? 0 : 1]
    turn++
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position)
    position += bytesRead
    return buffer.subarray(0, bytesRead)
  }
  // An empty file is read, too: it may be the system's, or that of a medium that fails.
  let reading = read()
  try {
    for (;;) {
      const bytes = await reading
      const isLast = bytes.length === 0 || position >= size
      if (!isLast) {
        reading = read()
        reading.catch(seenLater)
      }
      await hash.update(bytes)
      if (bytes.length > 0) await onRead(bytes.length)
      if (isLast) return position
    }
  } finally {
    // The file is closed next.
    await reading.catch(seenLater)
  }
}

function seenLater(): void {
  // Thrown where it is awaited.
}
