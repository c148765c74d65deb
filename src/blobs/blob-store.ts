import type { Readable } from 'node:stream'
import type { ByteRange } from '../oci/byte-range.ts'
import type { Digest, DigestAlgorithm } from '../oci/digest.ts'
import type { UploadId } from '../oci/request.ts'
import type { ChunkSink } from '../stream/chunk-sink.ts'
import type { Interruption } from '../stream/receive.ts'

/** Reads bytes by digest. Whether someone may read them is not its business. */
export interface BlobReader {
  /** Size in bytes; undefined if the store does not hold the blob, or not as a file. Errors: `UNAVAILABLE`. */
  stat(digest: Digest): Promise<{ readonly size: number } | undefined>
  /**
   * Sends spans of a blob, one after the other, with memory that does not depend on their lengths. What the sink gets
   * at once belongs to one span.
   * Errors: those of `sink`; `OciError` `BLOB_UNKNOWN` if the bytes are absent or end before a span does,
   * `UNAVAILABLE`, `TOOMANYREQUESTS`.
   */
  send(digest: Digest, ranges: readonly ByteRange[], sink: ChunkSink): Promise<void>
}

/** Writes and removes whole blobs. */
export interface BlobWriter {
  /**
   * Stores bytes held in memory under their digest, which the caller has computed. Durable when it returns; what
   * stood there is replaced, which mends a damaged copy.
   * Errors: `OciError` `STORAGE_FULL`, `UNAVAILABLE`.
   */
  put(digest: Digest, bytes: Uint8Array): Promise<void>
  /** Removes a blob; false if there was none. */
  delete(digest: Digest): Promise<boolean>
}

/** What one request adds to an upload. */
export interface AppendRequest {
  readonly algorithm: DigestAlgorithm
  /** Bytes known to be there: what lies behind them is dropped first. */
  readonly offset: number
  /**
   * Digest of those bytes, as whoever counted them knows it. A hash that the store remembers counts only if it has this
   * one: another process may have put other bytes there. Undefined: not known, so the bytes are read again.
   */
  readonly digest?: Digest | undefined
  /**
   * Called now and then while a long body comes, with all bytes so far once they are durable. True: they count from now
   * on, and the upload holds at least these if it fails later. It must not reject.
   */
  readonly onDurable?: ((end: DurableEnd) => Promise<boolean>) | undefined
  /** Used up: the memory of its chunks is freed. */
  readonly source: Readable
  /** Most bytes taken from the source. */
  readonly maxBytes: number
}

/** How far the bytes of an upload are durable. */
export interface DurableEnd {
  /** Bytes that are durable now. */
  readonly offset: number
  /** Digest of exactly those. */
  readonly digest: Digest
}

/** An upload after a request. */
export interface Appended extends DurableEnd {
  /** Set if the sender failed: what came before has been kept. */
  readonly interruption: Interruption | undefined
}

/** Bytes that have no digest yet. One caller at a time per id; who may call is not its business. */
export interface UploadStore {
  /**
   * Appends a body; durable when it returns.
   * Undefined if fewer bytes than `offset` are there, so that the session cannot go on.
   * Errors: `OciError` `STORAGE_FULL`, `UNAVAILABLE`; the upload then still holds its first `offset` bytes, and those
   * that `onDurable` has counted.
   */
  append(id: UploadId, request: AppendRequest): Promise<Appended | undefined>
  /** Bytes stored so far; undefined if nothing is. */
  sizeOf(id: UploadId): Promise<number | undefined>
  /** Digest of the first `size` bytes by another algorithm than the session's: reads them again. */
  rehash(id: UploadId, algorithm: DigestAlgorithm, size: number): Promise<Digest | undefined>
  /**
   * Makes the upload's first `size` bytes the blob of this digest, which the caller has compared. Durable when it
   * returns. False if the bytes are not there.
   */
  commit(id: UploadId, digest: Digest, size: number): Promise<boolean>
  /** Removes an upload's bytes; nothing to do where there are none. */
  discard(id: UploadId): Promise<void>
  /** Uploads whose bytes nobody touched since `before`, at most `limit`. */
  listStale(before: Date, limit: number): Promise<UploadId[]>
}

/** Everything a store of bytes does. */
export interface BlobStore extends BlobReader, BlobWriter, UploadStore {
  /** Fails with `OciError` `UNAVAILABLE` or `STORAGE_FULL` if nothing can be written. */
  check(): Promise<void>
  /** Lets go of what it holds beside the bytes. Nothing may be under way. */
  close(): Promise<void>
}
