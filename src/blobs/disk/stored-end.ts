import { type Digest, isDigest } from '../../oci/digest.ts'
import type { UploadProgress } from '../blob-store.ts'

/** The end of an upload's bytes in a file. */
export interface StoredEnd {
  /** Number of durable bytes. */
  readonly offset: number
  /** Digest of exactly those, by the algorithm that the upload began with. */
  readonly digest: Digest
}

/** The state of an upload in a file is the digest of its bytes: all else is in the file. */
export function toProgress({ offset, digest }: StoredEnd): UploadProgress {
  return { offset, state: digest }
}

/** Undefined if another kind of store has written it. */
export function parseProgress({ offset, state }: UploadProgress): StoredEnd | undefined {
  return isDigest(state) ? { offset, digest: state } : undefined
}
