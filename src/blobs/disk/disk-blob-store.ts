import { randomBytes } from 'node:crypto'
import { type FileHandle, open, readdir, stat, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder, PRIVATE_FILE, PRIVATE_FOLDER, syncFolder } from '../../files/durable.ts'
import type { ByteRange } from '../../oci/byte-range.ts'
import type { Digest, DigestAlgorithm } from '../../oci/digest.ts'
import type { UploadId } from '../../oci/request.ts'
import { BufferBudget } from '../../stream/buffer-budget.ts'
import type { ChunkSink } from '../../stream/chunk-sink.ts'
import type { Appended, AppendRequest, BlobStore } from '../blob-store.ts'
import { isAbsent, systemCodeOf, toStorageFault, translatingFaults } from '../storage-fault.ts'
import { appendBody } from './append-body.ts'
import { EarlySyncs } from './early-sync.ts'
import { type HashThread, hashThreadIfUseful } from './hash-thread.ts'
import { blobPath, uploadFolder, uploadPath } from './layout.ts'
import { placeBlob } from './place-blob.ts'
import { hashFile, RunningHashes } from './running-hashes.ts'
import { sendFile } from './send-file.ts'
import type { InLineHash, UploadHash } from './upload-hash.ts'

/** Blobs as files in Distribution's tree, uploads as files beside it. */
export class DiskBlobStore implements BlobStore {
  readonly #root: string
  readonly #budget = new BufferBudget()
  readonly #earlySyncs = new EarlySyncs()
  readonly #hashes = new RunningHashes()
  readonly #thread: HashThread | undefined

  private constructor(root: string, thread: HashThread | undefined) {
    this.#root = root
    this.#thread = thread
  }

  /**
   * Opens the store below `root`, creating the folders it needs. Large uploads are hashed on a thread where there is a
   * core for it. Errors: those of the system.
   */
  static async open(
    root: string,
    thread: HashThread | undefined = hashThreadIfUseful(),
  ): Promise<DiskBlobStore> {
    await makeFolder(uploadFolder(root), PRIVATE_FOLDER)
    return new DiskBlobStore(root, thread)
  }

  /** Ends its thread. Nothing may be under way. */
  async close(): Promise<void> {
    await this.#thread?.close()
  }

  async stat(digest: Digest): Promise<{ readonly size: number } | undefined> {
    try {
      const size = await sizeOfFile(blobPath(this.#root, digest))
      return size === undefined ? undefined : { size }
    } catch (error) {
      throw toStorageFault(error, 'the content cannot be read')
    }
  }

  async send(digest: Digest, ranges: readonly ByteRange[], sink: ChunkSink): Promise<void> {
    await sendFile(blobPath(this.#root, digest), { ranges, sink, budget: this.#budget })
  }

  async put(digest: Digest, bytes: Uint8Array): Promise<void> {
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
    return translatingFaults(() => removeFile(blobPath(this.#root, digest)))
  }

  async append(id: UploadId, request: AppendRequest): Promise<Appended | undefined> {
    return translatingFaults(async () => {
      await using file = await this.#openUpload(id, request.offset)
      if (!file) return undefined
      let { offset } = request
      const onDurable: AppendRequest['onDurable'] =
        request.onDurable &&
        (async (end) => {
          const isCounted = (await request.onDurable?.(end)) ?? false
          if (isCounted) offset = end.offset
          return isCounted
        })
      try {
        return await this.#appendTo(file, id, { ...request, onDurable })
      } catch (error) {
        // What was written is counted by nobody: on a full disk its room is needed. If this fails too, the next request cuts it.
        await file.truncate(offset).catch(leftForLater)
        throw error
      }
    })
  }

  async #appendTo(file: FileHandle, id: UploadId, request: AppendRequest): Promise<Appended | undefined> {
    const { algorithm, offset } = request
    const path = uploadPath(this.#root, id)
    const hash = (await this.#remembered(id, request)) ?? (await hashUpload(path, algorithm, offset))
    if (!hash) return undefined
    const parts = { thread: this.#thread, budget: this.#budget, earlySyncs: this.#earlySyncs }
    const {
      length,
      interruption,
      hash: hashAfter,
    } = await appendBody({ file, path, hash, ...parts }, request)
    const end = offset + length
    const known = await digestOrReadAgain(hashAfter, path, { algorithm, size: end })
    if (!known) return undefined
    this.#hashes.keep(id, { algorithm, offset: end, hash: known.hash })
    return { offset: end, digest: known.digest, interruption }
  }

  /** The hash kept of an upload, if it has seen the bytes that count and no others. */
  async #remembered(
    id: UploadId,
    { algorithm, offset, digest }: AppendRequest,
  ): Promise<UploadHash | undefined> {
    const hash = this.#hashes.take(id, algorithm, offset)
    if (!hash || offset === 0 || (digest !== undefined && (await hash.digest()) === digest)) return hash
    hash.drop()
    return undefined
  }

  async sizeOf(id: UploadId): Promise<number | undefined> {
    return sizeOfFile(uploadPath(this.#root, id))
  }

  async rehash(id: UploadId, algorithm: DigestAlgorithm, size: number): Promise<Digest | undefined> {
    const path = uploadPath(this.#root, id)
    const stored = await sizeOfFile(path)
    if (size > (stored ?? 0)) return undefined
    const hash = await hashUpload(path, algorithm, stored === undefined ? 0 : size)
    return hash?.digestNow()
  }

  async commit(id: UploadId, digest: Digest, size: number): Promise<boolean> {
    return translatingFaults(async () => {
      const path = uploadPath(this.#root, id)
      // An upload without a byte has no file; one cut short by the sender may hold bytes nobody counted.
      if (size === 0 || (await sizeOfFile(path)) !== size) {
        if (!(await this.#cut(id, size))) return false
      }
      this.#hashes.forget(id)
      // Whoever cancels the upload meanwhile takes the file away.
      return placeBlob(path, blobPath(this.#root, digest)).then(() => true, absentAs(false))
    })
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
    // Closes the file unless it is handed over: one that nobody closes ends the process when it is collected.
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

/** Undefined if there is no file: what else stands there holds no bytes of ours. */
async function sizeOfFile(path: string): Promise<number | undefined> {
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
  // The failure that came first is the one to tell.
}

/**
 * For `catch`: a file that is not there is an answer, any other failure stays one. So does a file in the place of a folder:
 * an upload is not gone because of it.
 */
function absentAs<T>(answer: T): (error: unknown) => T {
  return (error) => {
    if (systemCodeOf(error) === 'ENOENT') return answer
    throw error
  }
}
