import { createHash, type Hash } from 'node:crypto'
import { type Digest, type DigestAlgorithm, toDigest } from '../../../oci/digest.ts'

/** The hash of an upload's bytes, in line or on a thread. */
export interface UploadHash {
  /** True if it is computed on the thread that calls. */
  readonly isInLine: boolean
  /**
   * Adds bytes, in the order of the calls; they may be overwritten once the promise has settled. Never rejects: a lost
   * hash shows at the end.
   */
  update(bytes: Buffer): Promise<void>
  /** The digest of all bytes so far, leaving it able to go on; undefined if it is lost. */
  digest(): Promise<Digest | undefined>
  /** Frees what it holds; no other method may be called afterwards. */
  drop(): void
}

/** A hash computed where it is called. */
export class InLineHash implements UploadHash {
  readonly isInLine = true
  readonly #algorithm: DigestAlgorithm
  readonly #hash: Hash

  /** `hash` includes the bytes before. */
  constructor(algorithm: DigestAlgorithm, hash: Hash = createHash(algorithm)) {
    this.#algorithm = algorithm
    this.#hash = hash
  }

  async update(bytes: Buffer): Promise<void> {
    this.#hash.update(bytes)
  }

  async digest(): Promise<Digest> {
    return this.digestNow()
  }

  /** As {@link digest}, at once. */
  digestNow(): Digest {
    return toDigest(this.#algorithm, this.#hash.copy().digest('hex'))
  }

  drop(): void {
    // Only memory, which is collected.
  }
}
