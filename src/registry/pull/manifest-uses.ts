import type { ManifestFacts } from '../../metadata/metadata.ts'
import type { Digest } from '../../oci/digest.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'

/**
 * Time for which further pulls of a manifest are not written at once, in milliseconds: short beside the least time that one is
 * kept after a use.
 */
const SEEN_MS = 10 * 60_000
/** Manifests remembered at most, some 300 bytes each; beyond that the oldest is written once more, and all are written. */
const MAX_REMEMBERED = 10_000

/** A manifest that was pulled. */
interface Pulled {
  readonly repository: RepositoryName
  readonly digest: Digest
  /** True if it may be removed once it was not used for long enough. */
  readonly isQueued: boolean
}

/**
 * Last pulls of manifests, which decide when they are no longer needed. They are written in groups, by
 * {@link ManifestUses.write}; one that may be removed soon is written at once, before the pull is answered.
 */
export class ManifestUses {
  readonly #metadata: Pick<ManifestFacts, 'recordPulls'>
  readonly #now: () => number
  /** Pulls that are not written yet, by repository and digest. */
  #pending = new Map<string, Pulled>()
  /** Times at which queued manifests were written at once; the oldest first. */
  readonly #seen = new Map<string, number>()

  constructor(metadata: Pick<ManifestFacts, 'recordPulls'>, now: () => number) {
    this.#metadata = metadata
    this.#now = now
  }

  /** Notes a pull. One that cannot be written now, as on a full disk, is written later: it is no reason to refuse the pull. */
  async note(pulled: Pulled): Promise<void> {
    const key = `${pulled.repository}@${pulled.digest}`
    this.#pending.set(key, pulled)
    try {
      if (this.#pending.size >= MAX_REMEMBERED) await this.write()
      if (pulled.isQueued && !this.#isRecent(key)) await this.#metadata.recordPulls([pulled])
    } catch {
      this.#seen.delete(key)
    }
  }

  /** True if the pull of a manifest was written lately; from now on it counts as written. */
  #isRecent(key: string): boolean {
    const now = this.#now()
    if ((this.#seen.get(key) ?? Number.NEGATIVE_INFINITY) > now - SEEN_MS) return true
    this.#seen.delete(key)
    for (const oldest of this.#seen.keys()) {
      if (this.#seen.size < MAX_REMEMBERED) break
      this.#seen.delete(oldest)
    }
    this.#seen.set(key, now)
    return false
  }

  /** Writes the pulls since the last call. If it fails they are kept for the next one. Errors: those of the facts. */
  async write(): Promise<void> {
    const pending = this.#pending
    if (pending.size === 0) return
    this.#pending = new Map()
    try {
      await this.#metadata.recordPulls([...pending.values()])
    } catch (error) {
      for (const [key, pulled] of pending) {
        if (this.#pending.size < MAX_REMEMBERED) this.#pending.set(key, pulled)
      }
      throw error
    }
  }
}
