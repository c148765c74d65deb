import { type Hash, randomUUID } from 'node:crypto'
import type { AppendRequest } from '../../../src/blobs/blob-store.ts'
import type { Digest } from '../../../src/oci/digest.ts'
import type { UploadId } from '../../../src/oci/request.ts'
import { type Bucket, MIN_PART_BYTES } from './bucket.ts'
import { digestSoFar, type ObjectUpload, toProgress } from './object-upload.ts'

/** Parts of one body between two calls of `onDurable`. */
const PARTS_AT_ONCE = 4
/** Keys of uploads, and of the bytes behind their last full part, begin so. */
export const UPLOADS = 'uploads/'
export const TAILS = 'tails/'

/** Key of an upload while it has no digest. */
export function uploadKey(id: UploadId): string {
  return `${UPLOADS}${id}`
}

/** An upload that a body is added to. */
interface PartTarget {
  readonly id: UploadId
  readonly from: ObjectUpload
  /** Its bytes behind the last full part. */
  readonly tail: Buffer | undefined
  /** Of all its bytes, and of those added before each call; undefined: not known. */
  readonly hash: Hash | undefined
}

/** Writes a body in full parts, and what is left at its end as a tail. */
export class PartWriter {
  readonly #bucket: Bucket
  readonly #id: UploadId
  readonly #hash: Hash | undefined
  /** Up to the last full part. */
  #upload: ObjectUpload
  /** Bytes behind it. */
  #pending: Buffer[]
  #pendingBytes: number
  #partsSince = 0
  /** One write after the other. */
  #writing: Promise<void> = Promise.resolve()

  constructor(bucket: Bucket, { id, from, tail = Buffer.alloc(0), hash }: PartTarget) {
    this.#bucket = bucket
    this.#id = id
    this.#hash = hash
    this.#upload = { ...from, offset: from.offset - tail.length, tail: undefined }
    this.#pending = [tail]
    this.#pendingBytes = tail.length
  }

  /** Copies bytes at once; settles when a part that became full is written. */
  async add(bytes: Buffer, onDurable?: AppendRequest['onDurable']): Promise<void> {
    this.#pending.push(Buffer.from(bytes))
    this.#pendingBytes += bytes.length
    if (this.#pendingBytes < MIN_PART_BYTES) return
    const part = Buffer.concat(this.#pending)
    this.#pending = []
    this.#pendingBytes = 0
    const digest = this.#digest()
    this.#writing = this.#writing.then(() => this.#write(part, digest, onDurable))
    await this.#writing
  }

  /** Writes the rest. @returns the upload with all its bytes. */
  async end(): Promise<ObjectUpload> {
    await this.#writing
    const digest = this.#digest()
    if (this.#pendingBytes === 0) return { ...this.#upload, digest }
    const tail = `${TAILS}${this.#id}/${randomUUID()}`
    await this.#bucket.put(tail, Buffer.concat(this.#pending))
    return { ...this.#upload, offset: this.#upload.offset + this.#pendingBytes, tail, digest }
  }

  #digest(): Digest | undefined {
    return this.#hash && digestSoFar(this.#hash, this.#upload.algorithm)
  }

  async #write(
    part: Buffer,
    digest: Digest | undefined,
    onDurable: AppendRequest['onDurable'],
  ): Promise<void> {
    const multipart = this.#upload.multipart ?? (await this.#bucket.begin(uploadKey(this.#id)))
    const parts = this.#upload.parts + 1
    await this.#bucket.uploadPart(multipart, parts, part)
    this.#upload = { ...this.#upload, offset: this.#upload.offset + part.length, multipart, parts, digest }
    if (!onDurable || ++this.#partsSince < PARTS_AT_ONCE) return
    this.#partsSince = 0
    await onDurable(toProgress(this.#upload))
  }
}
