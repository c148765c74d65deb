import type { FileHandle } from 'node:fs/promises'

/** Bytes of one body that are written before the first sync: fewer would cost more than they gain. */
const EARLY_SYNC_BYTES = 64 * 1024 * 1024
/** Fewer of a slow body, once so much time has passed: a crash then loses seconds of its transfer. */
const SLOW_SYNC_BYTES = 4 * 1024 * 1024
const SLOW_SYNC_MS = 10_000

/** The bytes that one sync covers, and the work once they are durable. */
export interface SyncPoint {
  /** Settles once the bytes are written. */
  readonly written: Promise<unknown>
  /** Must not reject. */
  readonly onDurable: () => Promise<void>
}

/**
 * Makes the disk begin with a long body while the rest is still received. With one fsync at the end the disk would wait
 * for the network first, and then the client for the disk; and all of it would be lost if the server ended before.
 *
 * One at a time in a store: each takes one of the few threads that write.
 */
export class EarlySyncs {
  readonly #now: () => number
  #isAtWork = false

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Follows the bytes of one body on their way into a file. */
  follow(file: FileHandle): EarlySync {
    let unsyncedBytes = 0
    let syncedAt = this.#now()
    let latest: Promise<void> = Promise.resolve()
    const isDue = (): boolean =>
      unsyncedBytes >= EARLY_SYNC_BYTES ||
      (unsyncedBytes >= SLOW_SYNC_BYTES && this.#now() - syncedAt >= SLOW_SYNC_MS)
    return {
      count: (bytes, pointAt) => {
        unsyncedBytes += bytes
        if (this.#isAtWork || !isDue()) return
        unsyncedBytes = 0
        syncedAt = this.#now()
        this.#isAtWork = true
        // One that failed stays the latest: nothing begins after it.
        const before = latest
        latest = this.#sync(file, before, pointAt?.())
        // `ended()` throws it; until then it must not count as unhandled.
        latest.catch(() => undefined)
      },
      ended: () => latest,
    }
  }

  async #sync(file: FileHandle, before: Promise<void>, point: SyncPoint | undefined): Promise<void> {
    // Its failure is that of the body, too; here it may come while another one is awaited.
    point?.written.catch(() => undefined)
    try {
      await before
      await point?.written
      await file.datasync()
      await point?.onDurable()
    } finally {
      this.#isAtWork = false
    }
  }
}

/** The early syncs of one file. */
interface EarlySync {
  /**
   * Counts bytes that are being written. `pointAt` is called if a sync begins with them, for the wait before it and the
   * work after it.
   */
  count(bytes: number, pointAt?: () => SyncPoint): void
  /** Settles when none is under way. Errors: those of the system; after one, no further sync is begun. */
  ended(): Promise<void>
}
