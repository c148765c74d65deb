import { createHash, type Hash } from 'node:crypto'
import type { UploadProgress } from '../../../src/blobs/blob-store.ts'
import {
  algorithmOf,
  type Digest,
  type DigestAlgorithm,
  hashContent,
  isDigest,
  toDigest,
} from '../../../src/oci/digest.ts'

/** State of an upload into a bucket, as its progress has it. */
export interface ObjectUpload {
  readonly offset: number
  readonly algorithm: DigestAlgorithm
  /** Id of the upload in parts; undefined: no part was full yet. */
  readonly multipart: string | undefined
  /** Parts that are full. */
  readonly parts: number
  /** Key of the object with the bytes behind the last part; undefined: there are none. */
  readonly tail: string | undefined
  /** Of all bytes so far; undefined: the process that added the last did not know the hash of those before. */
  readonly digest: Digest | undefined
}

/** An upload without a byte. */
export function emptyUpload(algorithm: DigestAlgorithm): ObjectUpload {
  const digest = hashContent('', algorithm)
  return { offset: 0, algorithm, multipart: undefined, parts: 0, tail: undefined, digest }
}

export function toProgress({ offset, ...state }: ObjectUpload): UploadProgress {
  return { offset, state: JSON.stringify(state) }
}

/** Undefined if another kind of store has written it. */
export function parseProgress({ offset, state }: UploadProgress): ObjectUpload | undefined {
  const value = parseObject(state)
  const { algorithm, multipart, parts, tail, digest } = value
  if (algorithm !== 'sha256' && algorithm !== 'sha512') return undefined
  if (typeof parts !== 'number' || parts > 0 !== (typeof multipart === 'string')) return undefined
  return {
    offset,
    algorithm,
    multipart: typeof multipart === 'string' ? multipart : undefined,
    parts,
    tail: typeof tail === 'string' ? tail : undefined,
    digest: typeof digest === 'string' && isDigest(digest) ? digest : undefined,
  }
}

function parseObject(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text)) as Record<string, unknown>
  } catch {
    return {}
  }
}

/** Hashes of uploads between two requests of one process. */
export class KeptHashes {
  readonly #hashes = new Map<string, Hash>()

  /** The hash of exactly the bytes of the upload, if it is known. */
  take(id: string, { offset, digest, algorithm }: ObjectUpload): Hash | undefined {
    const hash = offset === 0 ? createHash(algorithm) : this.#hashes.get(id)
    this.#hashes.delete(id)
    return hash && digest !== undefined && digestSoFar(hash, algorithmOf(digest)) === digest
      ? hash
      : undefined
  }

  keep(id: string, hash: Hash): void {
    this.#hashes.set(id, hash)
  }
}

export function digestSoFar(hash: Hash, algorithm: DigestAlgorithm): Digest {
  return toDigest(algorithm, hash.copy().digest('hex'))
}
