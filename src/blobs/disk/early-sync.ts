import type { FileHandle } from 'node:fs/promises'

/** Bytes of one body that are written before the disk is asked for them: fewer would cost more than they gain. */
const EARLY_SYNC_BYTES = 64 * 1024 * 1024

/**
 * Has the disk begin with a long body while the rest is still received. One fsync at the end would have the disk wait
 * for the network first, and then the client for the disk.
 *
 * One at a time in a store: each takes one of the few threads that write.
 */
export class EarlySyncs {
  #isAtWork = false

  /** What a file is told of its bytes. */
  follow(file: FileHandle): EarlySync {
    let unsyncedBytes = 0
    let latest: Promise<void> = Promise.resolve()
    return {
      count: (bytes) => {
        unsyncedBytes += bytes
        if (unsyncedBytes < EARLY_SYNC_BYTES || this.#isAtWork) return
        unsyncedBytes = 0
        // One that failed stays the latest: nothing begins after it.
        latest = latest.then(() => this.#sync(file))
        // Told by `ended()`: until then nobody may be listening.
        latest.catch(() => undefined)
      },
      ended: () => latest,
    }
  }

  async #sync(file: FileHandle): Promise<void> {
    this.#isAtWork = true
    try {
      await file.datasync()
    } finally {
      this.#isAtWork = false
    }
  }
}

/** The early syncs of one file. */
export interface EarlySync {
  /** Counts bytes that were handed over for writing. */
  count(bytes: number): void
  /** Settles when none is under way. Errors: those of the system; after one, no further sync is begun. */
  ended(): Promise<void>
}
