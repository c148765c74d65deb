import { randomBytes } from 'node:crypto'
import { type FileHandle, open, readdir, stat, statfs, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder, PRIVATE_FILE, PRIVATE_FOLDER, syncFolder, syncPlace } from '../../files/durable.ts'
import type { ByteRange } from '../../oci/byte-range.ts'
import { algorithmOf, type Digest, type DigestAlgorithm, hashContent } from '../../oci/digest.ts'
import type { UploadId } from '../../oci/request.ts'
import { BufferBudget } from '../../stream/buffer-budget.ts'
import { ChunkCollector } from '../../stream/chunk-collector.ts'
import type { ChunkSink } from '../../stream/chunk-sink.ts'
import type { OpenPlaceOptions } from '../blob-place.ts'
import type {
  Appended,
  AppendRequest,
  BlobCondition,
  BlobPage,
  BlobReader,
  BlobStore,
  StoreRoom,
  UploadProgress,
  VerifyOptions,
} from '../blob-store.ts'
import { isAbsent, systemCodeOf, toStorageFault, translatingFaults } from '../storage-fault.ts'
import { appendBody, type Body } from './append-body.ts'
import { EarlySyncs } from './early-sync.ts'
import type { HashThread } from './hashes/hash-thread.ts'
import { hashFile, RunningHashes } from './hashes/running-hashes.ts'
import type { InLineHash, UploadHash } from './hashes/upload-hash.ts'
import { asidePath, blobPath, uploadFolder, uploadPath } from './layout.ts'
import { listBlobs } from './list-blobs.ts'
import { placeBlob, removeBlob } from './place-blob.ts'
import { sendFile } from './send-file.ts'
import { removeAside, setAside } from './set-aside.ts'
import { parseProgress, type StoredEnd, toProgress } from './stored-end.ts'
import { makeVerifyBuffers, type VerifyBuffers, verifyBlob } from './verify-blob.ts'

/** Options of a store in a folder. */
interface DiskOptions extends Pick<OpenPlaceOptions, 'beforeWrite' | 'collector' | 'onSync'> {
  /** Hashes large uploads; undefined: they are hashed where they are received. The store ends it. */
  readonly thread?: HashThread | undefined
}

/** Blobs as files in Distribution's tree, uploads as files beside it. */
export class DiskBlobStore implements BlobStore {
  readonly #root: string
  readonly #budget: BufferBudget
  readonly #syncs: { readonly earlySyncs: EarlySyncs; readonly onSync: OpenPlaceOptions['onSync'] }
  readonly #hashes = new RunningHashes()
  readonly #thread: HashThread | undefined
  readonly #beforeWrite: () => void
  /** Those of the last verification, for the next one: a pass reads each blob with them. */
  #verifyBuffers: VerifyBuffers | undefined

  private constructor(
    root: string,
    { thread, beforeWrite = () => {}, collector = new ChunkCollector(), onSync }: DiskOptions,
  ) {
    this.#root = root
    this.#budget = new BufferBudget(collector)
    this.#thread = thread
    this.#beforeWrite = beforeWrite
    this.#syncs = { earlySyncs: new EarlySyncs(), onSync }
  }

  /** Opens the store below `root`, creating the folders it needs. Errors: those of the system. */
  static async open(root: string, options: DiskOptions = {}): Promise<DiskBlobStore> {
    await makeFolder(uploadFolder(root), PRIVATE_FOLDER)
    return new DiskBlobStore(root, options)
  }

  /** Opens the store below `root` to read from it only. */
  static openReader(root: string): BlobReader & Pick<BlobStore, 'close'> {
    return new DiskBlobStore(root, {})
  }

  /** Ends its thread. Nothing may be under way. */
  async close(): Promise<void> {
    await this.#thread?.close()
  }

  async stat(digest: Digest): Promise<{ readonly size: number } | undefined> {
    try {
      const size = await findFileSize(blobPath(this.#root, digest))
      return size === undefined ? undefined : { size }
    } catch (error) {
      throw toStorageFault(error, 'the content cannot be read')
    }
  }

  async send(digest: Digest, ranges: readonly ByteRange[], sink: ChunkSink): Promise<void> {
    await sendFile(blobPath(this.#root, digest), { ranges, sink, budget: this.#budget })
  }

  /** Files have no URL of their own. */
  async locate(): Promise<undefined> {
    return undefined
  }

  async verify(digest: Digest, { onRead }: VerifyOptions): Promise<BlobCondition> {
    const buffers = this.#verifyBuffers ?? makeVerifyBuffers()
    // A second call at the same time makes buffers of its own.
    this.#verifyBuffers = undefined
    try {
      const path = blobPath(this.#root, digest)
      return await verifyBlob(path, { digest, onRead, buffers, thread: this.#thread })
    } finally {
      this.#verifyBuffers = buffers
    }
  }

  async list(page: { after?: Digest | undefined; limit: number }): Promise<BlobPage> {
    try {
      return await listBlobs(this.#root, page)
    } catch (error) {
      throw toStorageFault(error, 'the content cannot be listed')
    }
  }

  async put(digest: Digest, bytes: Uint8Array): Promise<void> {
    this.#beforeWrite()
    const temporary = join(uploadFolder(this.#root), `put-${randomBytes(12).toString('hex')}`)
    await translatingFaults(async () => {
      try {
        await writeFile(temporary, bytes, { flag: 'wx', flush: true, mode: PRIVATE_FILE })
        await placeBlob(temporary, blobPath(this.#root, digest))
      } catch (error) {
        await removeFile(temporary)
        throw error
      }
    })
  }

  async delete(digest: Digest): Promise<boolean> {
    return translatingFaults(() => removeBlob(blobPath(this.#root, digest)), 'it was not removed')
  }

  async setAside(digest: Digest): Promise<boolean> {
    const [from, to] = [blobPath(this.#root, digest), asidePath(this.#root, digest)]
    return translatingFaults(() => setAside(from, to), 'it was not set aside')
  }

  async dropAside(digest: Digest): Promise<boolean> {
    return translatingFaults(() => removeAside(asidePath(this.#root, digest)), 'it was not removed')
  }

  beginUpload(algorithm: DigestAlgorithm): UploadProgress {
    return toProgress({ offset: 0, digest: hashContent('', algorithm) })
  }

  async append(id: UploadId, request: AppendRequest): Promise<Appended | undefined> {
    const from = parseProgress(request.from)
    if (!from) return undefined
    this.#beforeWrite()
    return translatingFaults(async () => {
      await using file = await this.#openUpload(id, from.offset)
      if (!file) return undefined
      let { offset } = from
      const onDurable = async (end: StoredEnd): Promise<boolean> => {
        const isCounted = (await request.onDurable?.(toProgress(end))) ?? false
        if (isCounted) offset = end.offset
        return isCounted
      }
      const body = { ...request, onDurable: request.onDurable && onDurable }
      try {
        return await this.#appendTo({ id, file, from }, body)
      } catch (error) {
        // The bytes written do not count, and a full disk needs their room. If this fails, too, the next request cuts them.
        await file.truncate(offset).catch(leftForLater)
        throw error
      }
    })
  }

  async #appendTo({ id, file, from }: OpenedUpload, body: Body): Promise<Appended | undefined> {
    const algorithm = algorithmOf(from.digest)
    const path = uploadPath(this.#root, id)
    const hash = (await this.#remembered(id, from)) ?? (await hashAgain(path, from))
    if (!hash) return undefined
    const parts = { thread: this.#thread, budget: this.#budget, ...this.#syncs }
    const appended = await appendBody({ file, path, from, hash, ...parts }, body)
    const offset = from.offset + appended.length
    const known = await digestOrReadAgain(appended.hash, path, { algorithm, size: offset })
    if (!known) return undefined
    this.#hashes.keep(id, { algorithm, offset, hash: known.hash })
    return { ...toProgress({ offset, digest: known.digest }), interruption: appended.interruption }
  }

  /** The hash kept of an upload, if it has seen the bytes that count and no others: another process may have put some there. */
  async #remembered(id: UploadId, { offset, digest }: StoredEnd): Promise<UploadHash | undefined> {
    const hash = this.#hashes.take(id, algorithmOf(digest), offset)
    if (!hash || offset === 0 || (await hash.digest()) === digest) return hash
    hash.drop()
    return undefined
  }

  async canResume(id: UploadId, from: UploadProgress): Promise<boolean> {
    if (!parseProgress(from)) return false
    if (from.offset === 0) return true
    try {
      return ((await findFileSize(uploadPath(this.#root, id))) ?? 0) >= from.offset
    } catch (error) {
      throw toStorageFault(error, 'the upload cannot be read')
    }
  }

  async commit(id: UploadId, from: UploadProgress, digest: Digest): Promise<Digest | undefined> {
    const end = parseProgress(from)
    if (!end) return undefined
    return translatingFaults(async () => {
      const actual = await this.#findDigest(id, end, algorithmOf(digest))
      if (actual !== digest) return actual
      const isPlaced =
        (await this.#place(id, end.offset, digest)) || (await this.#wasPlaced(digest, end.offset))
      return isPlaced ? digest : undefined
    })
  }

  /** The digest of an upload by any algorithm; undefined if its bytes are not there. */
  async #findDigest(id: UploadId, end: StoredEnd, algorithm: DigestAlgorithm): Promise<Digest | undefined> {
    if (algorithm === algorithmOf(end.digest)) return end.digest
    if (end.offset === 0) return hashContent('', algorithm)
    const path = uploadPath(this.#root, id)
    if (((await findFileSize(path)) ?? 0) < end.offset) return undefined
    return (await hashUpload(path, algorithm, end.offset))?.digestNow()
  }

  /** Makes the first `size` bytes of an upload a blob, durably; false if they are not there. */
  async #place(id: UploadId, size: number, digest: Digest): Promise<boolean> {
    const path = uploadPath(this.#root, id)
    // An upload without a byte has no file; one cut short by the sender may hold bytes that do not count.
    if (size === 0 || (await findFileSize(path)) !== size) {
      if (!(await this.#cut(id, size))) return false
    }
    this.#hashes.forget(id)
    // A request that cancels the upload meanwhile removes the file.
    return placeBlob(path, blobPath(this.#root, digest)).then(() => true, absentAs(false))
  }

  /** True if the bytes of an upload, whose digest is known, are a blob already: an earlier call has placed them. */
  async #wasPlaced(digest: Digest, size: number): Promise<boolean> {
    const path = blobPath(this.#root, digest)
    if ((await findFileSize(path)) !== size) return false
    await syncPlace(path)
    return true
  }

  async discard(id: UploadId): Promise<void> {
    this.#hashes.forget(id)
    await translatingFaults(() => removeFile(uploadPath(this.#root, id)))
  }

  async listStale(before: Date, limit: number): Promise<UploadId[]> {
    const folder = uploadFolder(this.#root)
    const stale: UploadId[] = []
    for (const name of await readdir(folder)) {
      if (stale.length >= limit) break
      const facts = await stat(join(folder, name)).catch(absentAs(undefined))
      if (facts && facts.mtime < before) stale.push(name as UploadId)
    }
    return stale
  }

  async measureRoom(): Promise<StoreRoom> {
    return translatingFaults(async () => {
      const { bavail, blocks, bsize } = await statfs(uploadFolder(this.#root))
      return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
    }, 'its room cannot be measured')
  }

  async check(): Promise<void> {
    await translatingFaults(async () => {
      const probe = join(uploadFolder(this.#root), `put-check-${randomBytes(6).toString('hex')}`)
      await writeFile(probe, 'ok', { flag: 'wx' })
      await unlink(probe)
    })
  }

  /** Makes an upload's file exactly `size` bytes long, durably; false if it holds fewer. */
  async #cut(id: UploadId, size: number): Promise<boolean> {
    await using file = await this.#openUpload(id, size)
    if (!file) return false
    await file.sync()
    return true
  }

  /** Opens an upload's file cut to `offset` bytes; undefined if it holds fewer. The caller closes it. */
  async #openUpload(id: UploadId, offset: number): Promise<FileHandle | undefined> {
    const path = uploadPath(this.#root, id)
    // Closes the file unless it is handed over: a file left open ends the process when it is collected.
    await using opened = new AsyncDisposableStack()
    if (offset === 0) {
      const file = opened.use(await open(path, 'w', PRIVATE_FILE))
      await syncFolder(uploadFolder(this.#root))
      opened.move()
      return file
    }
    const file = opened.use(await open(path, 'r+').catch(absentAs(undefined)))
    if (!file) return undefined
    const { size } = await file.stat()
    if (size < offset) return undefined
    if (size > offset) await file.truncate(offset)
    opened.move()
    return file
  }
}

interface OpenedUpload {
  readonly id: UploadId
  readonly file: FileHandle
  readonly from: StoredEnd
}

/** Undefined if there is no file: another entry of that name holds no bytes of ours. */
async function findFileSize(path: string): Promise<number | undefined> {
  const facts = await stat(path).catch((error) => {
    if (isAbsent(error)) return undefined
    throw error
  })
  return facts?.isFile() ? facts.size : undefined
}

/** Undefined if the upload is cancelled before it is read. */
async function hashUpload(
  path: string,
  algorithm: DigestAlgorithm,
  size: number,
): Promise<InLineHash | undefined> {
  return hashFile(path, algorithm, size).catch(absentAs(undefined))
}

/** The hash of the bytes an upload goes on from; undefined if others are there, or the upload is cancelled. */
async function hashAgain(path: string, { offset, digest }: StoredEnd): Promise<InLineHash | undefined> {
  const hash = await hashUpload(path, algorithmOf(digest), offset)
  return hash?.digestNow() === digest ? hash : undefined
}

/**
 * The digest of an upload, and a hash of it that can go on: those at hand, or, if the thread has lost them, from the
 * file. Undefined if the upload was cancelled meanwhile.
 */
async function digestOrReadAgain(
  hash: UploadHash,
  path: string,
  { algorithm, size }: { algorithm: DigestAlgorithm; size: number },
): Promise<{ digest: Digest; hash: UploadHash } | undefined> {
  const digest = await hash.digest()
  if (digest) return { digest, hash }
  const again = await hashUpload(path, algorithm, size)
  return again && { digest: again.digestNow(), hash: again }
}

async function removeFile(path: string): Promise<boolean> {
  return unlink(path).then(() => true, absentAs(false))
}

function leftForLater(): void {
  // The first failure is the one to report.
}

/**
 * For `catch`: a missing file gives `answer`, any other failure is thrown. So is a file in the place of a folder: an
 * upload is not gone because of it.
 */
function absentAs<T>(answer: T): (error: unknown) => T {
  return (error) => {
    if (systemCodeOf(error) === 'ENOENT') return answer
    throw error
  }
}
