import type { BlobReader } from '../../blobs/blob-store.ts'
import type { Digest } from '../../oci/digest.ts'

/** A blob whose bytes in the store differ from the facts: they were lost or changed by the disk. */
export interface BlobDamage {
  readonly digest: Digest
  /** Size in bytes by the facts. */
  readonly size: number
  /** Size in bytes in the store; undefined: nothing, or something that is no file. */
  readonly found: number | undefined
}

/** Called with each damage when it is met. */
export type OnBlobDamage = (damage: BlobDamage) => void

/**
 * Time for which a blob that was found whole counts as whole, in milliseconds: a push checks each of its layers several
 * times within that time, and a damage is noticed soon enough.
 */
export const REMEMBERED_MS = 5_000
/** Blobs remembered at most, some 200 bytes each. */
const MAX_REMEMBERED = 4_096
/** Blobs checked at once for one manifest: more would delay the reads and writes of others. */
const AT_ONCE = 4

/** A blob as the facts describe it. */
interface KnownBlob {
  readonly digest: Digest
  readonly size: number
}

/**
 * Checks that the store holds what the facts name: a client that learns of a blob that is gone pushes it again, which
 * repairs it. The size is compared, not the content.
 */
export class BlobPresence {
  readonly #blobs: BlobReader
  readonly #onDamage: OnBlobDamage
  readonly #now: () => number
  /** Time until which a blob counts as whole; the oldest first. */
  readonly #wholeUntil = new Map<Digest, number>()

  constructor(blobs: BlobReader, onDamage: OnBlobDamage, now: () => number = () => performance.now()) {
    this.#blobs = blobs
    this.#onDamage = onDamage
    this.#now = now
  }

  /** True if the store holds the blob in full. Only "true" is remembered. Errors: `UNAVAILABLE`. */
  async isWhole({ digest, size }: KnownBlob): Promise<boolean> {
    if ((this.#wholeUntil.get(digest) ?? 0) > this.#now()) return true
    const found = (await this.#blobs.stat(digest))?.size
    if (found === size) {
      this.#remember(digest)
      return true
    }
    this.#wholeUntil.delete(digest)
    this.#onDamage({ digest, size, found })
    return false
  }

  /** True if the store holds the blob in full at this moment; nothing is remembered or reported. Errors: `UNAVAILABLE`. */
  async isStored({ digest, size }: KnownBlob): Promise<boolean> {
    return (await this.#blobs.stat(digest))?.size === size
  }

  /** Those of the blobs that the store does not hold in full. Errors: `UNAVAILABLE`. */
  async findDamaged(blobs: readonly KnownBlob[]): Promise<Digest[]> {
    const damaged: Digest[] = []
    for (let at = 0; at < blobs.length; at += AT_ONCE) {
      const some = blobs.slice(at, at + AT_ONCE)
      const areWhole = await Promise.all(some.map((blob) => this.isWhole(blob)))
      damaged.push(...some.filter((_, index) => !areWhole[index]).map(({ digest }) => digest))
    }
    return damaged
  }

  /** Reports a blob that could not be read to its end, and forgets that it was whole. Errors: `UNAVAILABLE`. */
  async reportUnreadable({ digest, size }: KnownBlob): Promise<void> {
    this.#wholeUntil.delete(digest)
    const found = (await this.#blobs.stat(digest))?.size
    this.#onDamage({ digest, size, found })
  }

  #remember(digest: Digest): void {
    this.#wholeUntil.delete(digest)
    for (const oldest of this.#wholeUntil.keys()) {
      if (this.#wholeUntil.size < MAX_REMEMBERED) break
      this.#wholeUntil.delete(oldest)
    }
    this.#wholeUntil.set(digest, this.#now() + REMEMBERED_MS)
  }
}
