import { createHash } from 'node:crypto'
import type {
  Appended,
  AppendRequest,
  BlobCondition,
  BlobPage,
  BlobStore,
  UploadProgress,
  VerifyOptions,
} from '../../../src/blobs/blob-store.ts'
import type { ByteRange } from '../../../src/oci/byte-range.ts'
import {
  algorithmOf,
  type Digest,
  type DigestAlgorithm,
  hexOf,
  parseDigest,
} from '../../../src/oci/digest.ts'
import { OciError } from '../../../src/oci/errors.ts'
import type { UploadId } from '../../../src/oci/request.ts'
import { BufferBudget } from '../../../src/stream/buffer-budget.ts'
import { ChunkCollector } from '../../../src/stream/chunk-collector.ts'
import type { ChunkSink } from '../../../src/stream/chunk-sink.ts'
import { receive } from '../../../src/stream/receive.ts'
import { Bucket } from './bucket.ts'
import {
  digestSoFar,
  emptyUpload,
  KeptHashes,
  type ObjectUpload,
  parseProgress,
  toProgress,
} from './object-upload.ts'
import { PartWriter, TAILS, UPLOADS, uploadKey } from './part-writer.ts'

/** Bytes that are read at once. */
const READ_BYTES = 1024 * 1024
const BLOBS = 'blobs/'
const QUARANTINE = 'quarantine/'

/** Blobs as objects of a bucket in memory, written as a store with an S3 API would: instances share a bucket, as processes do. */
export class MemoryBlobStore implements BlobStore {
  readonly bucket: Bucket
  readonly #gapMs: number
  readonly #budget = new BufferBudget(new ChunkCollector())
  readonly #hashes = new KeptHashes()

  /** `gapMs`: longest silence of a sender, in milliseconds. */
  constructor(bucket: Bucket = new Bucket(), gapMs = 60_000) {
    this.bucket = bucket
    this.#gapMs = gapMs
  }

  async stat(digest: Digest): Promise<{ readonly size: number } | undefined> {
    const size = await this.bucket.readSize(blobKey(digest))
    return size === undefined ? undefined : { size }
  }

  async send(digest: Digest, ranges: readonly ByteRange[], sink: ChunkSink): Promise<void> {
    const size = await this.bucket.readSize(blobKey(digest))
    if (size === undefined || ranges.some(({ end }) => end > size)) throw new OciError('BLOB_UNKNOWN')
    for (const range of ranges) {
      for (let start = range.start; start < range.end; start += READ_BYTES) {
        const end = Math.min(start + READ_BYTES, range.end)
        const bytes = await this.bucket.get(blobKey(digest), { start, end })
        if (bytes?.length !== end - start) throw new OciError('BLOB_UNKNOWN')
        await sink(bytes)
      }
    }
  }

  async verify(digest: Digest, { onRead }: VerifyOptions): Promise<BlobCondition> {
    if (this.bucket.unreadable.has(blobKey(digest))) return { kind: 'unreadable', reason: 'EIO' }
    const size = await this.bucket.readSize(blobKey(digest))
    if (size === undefined) return { kind: 'absent' }
    const found = await this.#hashObject(blobKey(digest), algorithmOf(digest), onRead)
    return { kind: found === digest ? 'whole' : 'changed', size }
  }

  async setAside(digest: Digest): Promise<boolean> {
    if ((await this.bucket.readSize(blobKey(digest))) === undefined) return false
    await this.bucket.copy(blobKey(digest), asideKey(digest))
    await this.bucket.delete(blobKey(digest))
    return true
  }

  async dropAside(digest: Digest): Promise<boolean> {
    const isThere = (await this.bucket.readSize(asideKey(digest))) !== undefined
    await this.bucket.delete(asideKey(digest))
    return isThere
  }

  async locate(digest: Digest): Promise<string> {
    return `https://bucket.test/${blobKey(digest)}?expires=300`
  }

  async list({ after, limit }: { after?: Digest | undefined; limit: number }): Promise<BlobPage> {
    const from = after === undefined ? {} : { after: blobKey(after) }
    const objects = await this.bucket.list(BLOBS, { ...from, limit })
    const blobs = objects.map(({ key, size }) => ({
      digest: parseDigest(key.slice(BLOBS.length).replace('/', ':')),
      size,
    }))
    return { blobs, next: blobs.length < limit ? undefined : blobs.at(-1)?.digest }
  }

  async put(digest: Digest, bytes: Uint8Array): Promise<void> {
    await this.bucket.put(blobKey(digest), bytes)
  }

  async delete(digest: Digest): Promise<boolean> {
    const isThere = (await this.bucket.readSize(blobKey(digest))) !== undefined
    await this.bucket.delete(blobKey(digest))
    return isThere
  }

  beginUpload(algorithm: DigestAlgorithm): UploadProgress {
    return toProgress(emptyUpload(algorithm))
  }

  async append(id: UploadId, request: AppendRequest): Promise<Appended | undefined> {
    const from = parseProgress(request.from)
    if (!from || !(await this.#isThere(from))) return undefined
    const hash = this.#hashes.take(id, from)
    const tail = from.tail === undefined ? undefined : await this.bucket.get(from.tail)
    const body = new PartWriter(this.bucket, { id, from, tail, hash })
    const { interruption } = await receive(request.source, {
      budget: this.#budget,
      consume: async (bytes) => {
        request.beforePart?.(bytes.length)
        hash?.update(bytes)
        return body.add(bytes, request.onDurable)
      },
      release: request.release,
      maxBytes: request.maxBytes,
      gapMs: this.#gapMs,
    })
    const ended = await body.end()
    if (hash) this.#hashes.keep(id, hash)
    await this.#dropTails(id, [from.tail, ended.tail])
    return { ...toProgress(ended), interruption }
  }

  async canResume(_id: UploadId, progress: UploadProgress): Promise<boolean> {
    const from = parseProgress(progress)
    return from !== undefined && (await this.#isThere(from))
  }

  async commit(id: UploadId, progress: UploadProgress, digest: Digest): Promise<Digest | undefined> {
    const from = parseProgress(progress)
    if (!from) return undefined
    const isKnown = from.digest !== undefined && algorithmOf(from.digest) === algorithmOf(digest)
    if (isKnown && from.digest !== digest) return from.digest
    const key = await this.#complete(id, from)
    if (key === undefined) {
      // An earlier call has copied it.
      return isKnown && (await this.bucket.readSize(blobKey(digest))) === from.offset ? digest : undefined
    }
    const actual = isKnown ? digest : await this.#hashObject(key, algorithmOf(digest))
    if (actual !== digest) return actual
    await this.bucket.copy(key, blobKey(digest))
    await this.discard(id)
    return digest
  }

  async discard(id: UploadId): Promise<void> {
    for (const multipart of await this.bucket.listMultiparts(uploadKey(id)))
      await this.bucket.abort(multipart.id)
    await this.bucket.delete(uploadKey(id))
    await this.#dropTails(id, [])
  }

  async listStale(before: Date, limit: number): Promise<UploadId[]> {
    const all = { limit: Number.MAX_SAFE_INTEGER }
    const found = [
      ...(await this.bucket.list(TAILS, all)),
      ...(await this.bucket.list(UPLOADS, all)),
      ...(await this.bucket.listMultiparts(UPLOADS)),
    ]
    const changedAt = new Map<string, number>()
    for (const { key, changedAt: at } of found) {
      const id = key.split('/')[1] ?? ''
      changedAt.set(id, Math.max(at, changedAt.get(id) ?? 0))
    }
    const stale = [...changedAt].filter(([, at]) => at < before.getTime())
    return stale.slice(0, limit).map(([id]) => id as UploadId)
  }

  async check(): Promise<void> {
    await this.bucket.put('check', Buffer.from('ok'))
    await this.bucket.delete('check')
  }

  async close(): Promise<void> {
    // It holds nothing beside the bucket.
  }

  async #isThere({ multipart, parts, tail }: ObjectUpload): Promise<boolean> {
    if (tail !== undefined && (await this.bucket.readSize(tail)) === undefined) return false
    return multipart === undefined || ((await this.bucket.listParts(multipart)) ?? []).length >= parts
  }

  /** Makes one object of an upload, which an attempt before may have done already; undefined if its bytes are lost. */
  async #complete(id: UploadId, from: ObjectUpload): Promise<string | undefined> {
    const key = uploadKey(id)
    if (from.offset > 0 && (await this.bucket.readSize(key)) === from.offset) return key
    if (!(await this.#isThere(from))) return undefined
    const tail = from.tail === undefined ? Buffer.alloc(0) : await this.bucket.get(from.tail)
    if (!tail) return undefined
    if (from.multipart === undefined) {
      await this.bucket.put(key, tail)
      return key
    }
    if (tail.length > 0) await this.bucket.uploadPart(from.multipart, from.parts + 1, tail)
    await this.bucket.complete(from.multipart, from.parts + Number(tail.length > 0))
    return key
  }

  async #hashObject(
    key: string,
    algorithm: DigestAlgorithm,
    onRead?: (bytes: number) => Promise<void>,
  ): Promise<Digest> {
    const hash = createHash(algorithm)
    for (let start = 0; ; start += READ_BYTES) {
      const bytes = await this.bucket.get(key, { start, end: start + READ_BYTES })
      if (!bytes || bytes.length === 0) return digestSoFar(hash, algorithm)
      hash.update(bytes)
      await onRead?.(bytes.length)
    }
  }

  async #dropTails(id: UploadId, kept: readonly (string | undefined)[]): Promise<void> {
    const tails = await this.bucket.list(`${TAILS}${id}/`, { limit: Number.MAX_SAFE_INTEGER })
    for (const { key } of tails) if (!kept.includes(key)) await this.bucket.delete(key)
  }
}

function blobKey(digest: Digest): string {
  return `${BLOBS}${algorithmOf(digest)}/${hexOf(digest)}`
}

function asideKey(digest: Digest): string {
  return `${QUARANTINE}${algorithmOf(digest)}/${hexOf(digest)}`
}
