import type { Readable } from 'node:stream'
import type { ByteRange } from '../oci/byte-range.ts'
import type { Digest, DigestAlgorithm } from '../oci/digest.ts'
import type { UploadId } from '../oci/request.ts'
import type { ChunkSink } from '../stream/chunk-sink.ts'
import type { Interruption } from '../stream/interruption.ts'

/** A blob that a store holds. */
export interface BlobEntry {
  readonly digest: Digest
  /** Length in bytes as stored, which damage may have changed. */
  readonly size: number
}

/** Part of the list of all blobs. */
export interface BlobPage {
  /** By digest, in the order of its characters. */
  readonly blobs: readonly BlobEntry[]
  /** The `after` of the page that follows; undefined: this is the last one. A page that is not the last may be empty. */
  readonly next: Digest | undefined
}

/** State of the bytes that a store holds under a digest. */
export type BlobCondition =
  /** They have the digest. */
  | { readonly kind: 'whole'; readonly size: number }
  /** They are others, fewer or more. */
  | { readonly kind: 'changed'; readonly size: number }
  /** There are none. */
  | { readonly kind: 'absent' }
  /** Something else is in their place, such as a folder. */
  | { readonly kind: 'no-file' }
  /** They are there, and the medium does not return them: `reason` is the code of the failure, such as `EIO`. */
  | { readonly kind: 'unreadable'; readonly reason: string }

/** Options of reading a blob to verify it. */
export interface VerifyOptions {
  /** Called after each part that was read, with its length in bytes; the next one is read once it has settled. Its error ends the read. */
  readonly onRead: (bytes: number) => Promise<void>
}

/** Reads bytes by digest, without regard to who may read them. */
export interface BlobReader {
  /** Size in bytes; undefined if the store does not hold the blob, or not as a file. Errors: `UNAVAILABLE`. */
  stat(digest: Digest): Promise<{ readonly size: number } | undefined>
  /**
   * Sends spans of a blob, one after the other, with memory that does not depend on their lengths. Each call of the
   * sink gets bytes of one span. Errors: those of `sink`; `OciError` `BLOB_UNKNOWN` if the bytes are absent or end
   * before a span does, `UNAVAILABLE`, `TOOMANYREQUESTS`.
   */
  send(digest: Digest, ranges: readonly ByteRange[], sink: ChunkSink): Promise<void>
  /**
   * Reads a blob to its end, with constant memory, and compares its bytes with the digest. Bytes come from the medium
   * rather than from a cache where the store can do so, and do not displace others there.
   * Errors: those of `onRead`; `UNAVAILABLE` for a failure that is not of this blob.
   */
  verify(digest: Digest, options: VerifyOptions): Promise<BlobCondition>
  /**
   * A URL from which a client can read the blob for some minutes, without the bytes passing this process. Undefined if
   * the store has no such URLs. It may lead to an absent blob. Errors: `UNAVAILABLE`.
   */
  locate(digest: Digest): Promise<string | undefined>
  /**
   * A page of all blobs behind `after`, at most `limit`, 1 to 1,000. Its memory depends on `limit` alone. Blobs that are stored or
   * deleted meanwhile may be on a page or not; each other one is on exactly one. Errors: `UNAVAILABLE`.
   */
  list(page: { readonly after?: Digest | undefined; readonly limit: number }): Promise<BlobPage>
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

/**
 * A place beside the blobs for bytes that do not have their digest: one copy for each digest, which is never served nor
 * listed. Errors: `OciError` `STORAGE_FULL`, `UNAVAILABLE`.
 */
export interface BlobQuarantine {
  /**
   * Moves what stands under a digest to that place, replacing what was set aside for it before; durable when it returns.
   * False if there is nothing. A store without a move copies first and removes then. The caller excludes that the blob
   * is stored anew meanwhile.
   */
  setAside(digest: Digest): Promise<boolean>
  /** Removes what was set aside for a digest; false if there is nothing. */
  dropAside(digest: Digest): Promise<boolean>
}

/** Most characters of an upload's state: each request of the upload reads it, in a row of the facts. */
export const MAX_STATE_LENGTH = 4_096

/**
 * The end of an upload so far. The store returns it, the caller keeps it where every process of the registry finds it,
 * and hands it back whole with the next call, to this instance or another one.
 */
export interface UploadProgress {
  /** Bytes of the upload that are durable. */
  readonly offset: number
  /** Text that the store needs to go on from there, and only it reads: at most {@link MAX_STATE_LENGTH} characters. */
  readonly state: string
}

/** A body that is added to an upload. */
export interface AppendRequest {
  /** The progress that the body follows: bytes of the store beyond it are dropped. */
  readonly from: UploadProgress
  /** The bytes. Chunks are only read. */
  readonly source: Readable
  /** Called with each chunk that the store no longer needs: then its owner may free or reuse its memory. */
  readonly release?: ((chunk: Buffer) => void) | undefined
  /** Most bytes taken from the source. */
  readonly maxBytes: number
  /**
   * Called now and then while a long body comes, with all bytes so far once they are durable. True: they count from now
   * on, and the upload can go on from there if it fails later. It must not reject.
   */
  readonly onDurable?: ((progress: UploadProgress) => Promise<boolean>) | undefined
  /** Called with the length of each part before it is written; an error that it throws ends the request, as that of a full disk. */
  readonly beforePart?: ((bytes: number) => void) | undefined
}

/** An upload after a request. */
export interface Appended extends UploadProgress {
  /** Set if the sender failed: the bytes before have been kept. */
  readonly interruption: Interruption | undefined
}

/**
 * Bytes on their way to a digest. One caller at a time per id; who may call is not decided here.
 *
 * A crash may come between the end of a call and the moment its progress is kept. So what a progress needs is kept until
 * a later one is handed back, or the upload ends: the caller always holds one that the store can go on from. A progress
 * whose bytes are lost, or which another kind of store has written, is answered as such, and never continued wrongly.
 *
 * Hashes of `node:crypto` cannot be saved, so no state holds one. A store keeps the hash of an upload in the memory of
 * the process that appends, and writes into the state either the digest of exactly the bytes so far, if it knows it, or
 * that it does not. A process that goes on without the hash reads the stored bytes again, at once where that is possible
 * (files), or once at the end (`commit()`). An own hash in WebAssembly could be saved, but costs each upload about three
 * times the processor time, to spare the few that move between processes one reading of their bytes.
 *
 * With an S3 API: the state is the id of a multipart upload, its parts, the name of an object for the tail below the
 * 5 MiB that a part needs, and the digest or none. Each progress has a tail object of its own. `commit()` completes the
 * upload under a temporary key, reads it if the digest is not known, and copies it to the key of the digest.
 */
export interface UploadStore {
  /** The progress of a new upload, which takes no room. `algorithm` is that of the digest it most likely gets. */
  beginUpload(algorithm: DigestAlgorithm): UploadProgress
  /**
   * Appends a body; durable when it returns. Undefined if the upload cannot go on from this progress.
   * Errors: `OciError` `STORAGE_FULL`, `UNAVAILABLE`; the upload can still go on from `from`, or from the last progress
   * that `onDurable` has counted.
   */
  append(id: UploadId, request: AppendRequest): Promise<Appended | undefined>
  /** True if the upload can go on from this progress. Errors: `UNAVAILABLE`. */
  canResume(id: UploadId, from: UploadProgress): Promise<boolean>
  /**
   * Makes the bytes of this progress a blob if they have this digest; then it is durable, and the upload has ended. The
   * digest may be of another algorithm than the upload began with: then the bytes are read again.
   * Errors: `OciError` `STORAGE_FULL`, `UNAVAILABLE`; it can be called again. It can be after a success, too, where the
   * caller could not keep that: if the state has the digest of the bytes, the blob counts. After another digest the
   * upload can only be discarded.
   * @returns the digest the bytes have; undefined if they are not there.
   */
  commit(id: UploadId, from: UploadProgress, digest: Digest): Promise<Digest | undefined>
  /** Removes an upload's bytes; nothing to do where there are none. */
  discard(id: UploadId): Promise<void>
  /** Uploads whose bytes have not changed since `before`, at most `limit`. */
  listStale(before: Date, limit: number): Promise<UploadId[]>
}

/** Room of the disk of a store, in bytes. */
export interface StoreRoom {
  /** Left for what this process writes. */
  readonly freeBytes: number
  readonly totalBytes: number
}

/** All operations of a store of bytes. */
export interface BlobStore extends BlobReader, BlobWriter, BlobQuarantine, UploadStore {
  /** Room of its disk; absent in a store without bounds, such as a bucket. Errors: `UNAVAILABLE`. */
  measureRoom?(): Promise<StoreRoom>
  /** Fails with `OciError` `UNAVAILABLE` or `STORAGE_FULL` if nothing can be written. */
  check(): Promise<void>
  /** Frees its resources beside the bytes. No call may be under way. */
  close(): Promise<void>
}
