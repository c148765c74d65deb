import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import type { Digest, DigestAlgorithm } from '../oci/digest.ts'
import type { UploadId } from '../oci/request.ts'
import { type Appended, type BlobStore, MAX_STATE_LENGTH, type UploadProgress } from './blob-store.ts'

/** Bytes of a chunk, about as TLS brings them. */
const CHUNK_BYTES = 16_384

/** An upload and its progress, as the row of a session keeps it. */
export class Upload {
  readonly id: UploadId
  progress: UploadProgress
  /** The instance that serves the next request. */
  store: BlobStore

  constructor(store: BlobStore, name: string, algorithm: DigestAlgorithm = 'sha256') {
    this.store = store
    // Of the form that the registry makes.
    this.id = name.padEnd(22, '_') as UploadId
    this.progress = store.beginUpload(algorithm)
  }

  request(bytes: Buffer): { from: UploadProgress; source: Readable; maxBytes: number } {
    const source = Readable.from(splitChunks(bytes))
    return { from: this.progress, source, maxBytes: Number.MAX_SAFE_INTEGER }
  }

  append(bytes: Buffer): Promise<Omit<Appended, 'state'> | undefined> {
    return this.take(this.request(bytes).source)
  }

  async take(
    source: Readable,
    options: { maxBytes?: number; release?: (chunk: Buffer) => void } = {},
  ): Promise<Omit<Appended, 'state'> | undefined> {
    const request = { from: this.progress, maxBytes: Number.MAX_SAFE_INTEGER, source, ...options }
    const appended = await this.store.append(this.id, request)
    if (!appended) return undefined
    const { interruption, offset, state } = appended
    assert.ok(state.length <= MAX_STATE_LENGTH, `${state.length} characters`)
    this.progress = { offset, state }
    return { offset, interruption }
  }

  canResume(): Promise<boolean> {
    return this.store.canResume(this.id, this.progress)
  }

  commit(digest: Digest): Promise<Digest | undefined> {
    return this.store.commit(this.id, this.progress, digest)
  }
}

/** The chunks of some bytes, by default about as large as TLS brings them. */
export function* splitChunks(bytes: Buffer, length: number = CHUNK_BYTES): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}
