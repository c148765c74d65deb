import { randomBytes } from 'node:crypto'
import { PassThrough } from 'node:stream'
import type { BlobReader, BlobWriter, UploadStore } from '../../blobs/blob-store.ts'
import { algorithmOf, type Digest, hashContent } from '../../oci/digest.ts'
import type { UploadId } from '../../oci/request.ts'

/** Largest blob that is copied through memory, in bytes: manifests and small layers need fewer calls of the system so. */
const SMALL_BYTES = 256 * 1024

/** Reason of a blob that the source does not have at all. */
const MISSING = 'missing'

/** A store that takes copies. */
export type CopyTarget = Pick<BlobReader, 'stat'> & BlobWriter & UploadStore

/** The source does not have the blob as its digest says. */
export class BadSource extends Error {
  override readonly name = 'BadSource'
}

/** A copy of one blob. */
interface BlobCopy {
  readonly from: Pick<BlobReader, 'stat' | 'send'>
  readonly to: CopyTarget
  readonly digest: Digest
}

/**
 * Copies a blob from one store to another, hashed on the way: what counts in the target has the digest. Durable when it
 * returns. Errors: `BadSource` with the reason; those of the target.
 * @returns its size.
 */
export async function copyBlob(copy: BlobCopy): Promise<number> {
  try {
    return await copyOnce(copy)
  } catch (error) {
    // A read that fails is made once more: a disk of a network may fail for a moment.
    if (!(error instanceof BadSource) || error.message === MISSING) throw error
    return await copyOnce(copy)
  }
}

async function copyOnce({ from, to, digest }: BlobCopy): Promise<number> {
  const size = await findSize(from, digest)
  if (size <= SMALL_BYTES) await copySmall({ from, to, digest }, size)
  else await copyLarge({ from, to, digest }, size)
  return size
}

/** The damage of the copy of a blob, whose bytes are all read; undefined: nothing. Errors: `UNAVAILABLE`. */
export async function findDamage(
  store: Pick<BlobReader, 'verify'>,
  digest: Digest,
): Promise<string | undefined> {
  const condition = await store.verify(digest, { onRead: async () => {} })
  if (condition.kind === 'whole') return undefined
  if (condition.kind === 'absent') return 'missing'
  return condition.kind === 'unreadable' ? `it cannot be read (${condition.reason})` : 'damaged'
}

async function findSize(from: Pick<BlobReader, 'stat'>, digest: Digest): Promise<number> {
  const found = await ofSource(() => from.stat(digest))
  if (found === undefined) throw new BadSource(MISSING)
  return found.size
}

async function copySmall({ from, to, digest }: BlobCopy, size: number): Promise<void> {
  const pieces: Buffer[] = []
  if (size > 0) {
    await ofSource(() =>
      from.send(digest, [{ start: 0, end: size }], async (bytes) => void pieces.push(Buffer.from(bytes))),
    )
  }
  const bytes = Buffer.concat(pieces)
  if (hashContent(bytes, algorithmOf(digest)) !== digest) throw new BadSource('damaged')
  await to.put(digest, bytes)
}

async function copyLarge({ from, to, digest }: BlobCopy, size: number): Promise<void> {
  const id = randomBytes(16).toString('base64url') as UploadId
  const source = new PassThrough({ highWaterMark: SMALL_BYTES })
  // Its error is that of `sending`.
  source.on('error', () => {})
  const sending = ofSource(() =>
    from.send(digest, [{ start: 0, end: size }], (bytes) => write(source, bytes)),
  )
  const sent = sending.then(
    () => void source.end(),
    (error: Error) => {
      source.destroy(error)
      return error
    },
  )
  try {
    const begin = to.beginUpload(algorithmOf(digest))
    const appended = await to.append(id, { from: begin, source, maxBytes: size })
    const problem = await sent
    if (problem) throw problem
    if (!appended || appended.interruption || appended.offset !== size) throw new Error('A copy was cut off')
    if ((await to.commit(id, appended, digest)) === digest) return
    throw new BadSource('damaged')
  } catch (error) {
    source.destroy()
    await sent
    await to.discard(id).catch(() => {})
    throw error
  }
}

/** Waits while the reader is behind. The bytes are copied: their owner uses their memory again. */
async function write(target: PassThrough, bytes: Buffer): Promise<void> {
  if (target.destroyed) throw new Error('The copy has ended')
  if (target.write(Buffer.from(bytes))) return
  await new Promise<void>((resolve) => {
    const go = (): void => {
      target.off('drain', go).off('close', go)
      resolve()
    }
    target.on('drain', go).on('close', go)
  })
}

async function ofSource<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    const isGone = error instanceof Error && 'code' in error && error.code === 'BLOB_UNKNOWN'
    if (isGone) throw new BadSource(MISSING, { cause: error })
    throw new BadSource(`it cannot be read (${reasonOf(error)})`, { cause: error })
  }
}

/** The code of the system, which says more than the fault that a client gets. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause instanceof Error ? error.cause : error
  return 'code' in cause ? String(cause.code) : cause.message
}
