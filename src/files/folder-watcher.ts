import { type FSWatcher, watch } from 'node:fs'

/**
 * Quiet time after a change before folders are read, in milliseconds: editors write in several steps, and a certificate
 * and its key come one after the other.
 */
const SETTLE_MS = 200
/** Longest time that changes can put off reading, in milliseconds. */
const MAX_SETTLE_MS = 1_000
/** Time between two readings without a change that is reported, in milliseconds: not every file system reports them. */
const POLL_MS = 5_000

/** Reads folders again after changes in them, and every few seconds in case no change is reported. */
export class FolderWatcher implements Disposable {
  readonly #read: () => Promise<void>
  readonly #watchers = new Map<string, FSWatcher>()
  readonly #poll: NodeJS.Timeout
  #settle: NodeJS.Timeout | undefined
  #firstChangeAt: number | undefined
  #reading: Promise<void> | undefined
  #isStale = false
  #isClosed = false

  /** @param read Never runs twice at a time. */
  constructor(read: () => Promise<void>) {
    this.#read = read
    this.#poll = setInterval(() => void this.refresh(), POLL_MS)
    this.#poll.unref()
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Replaces the folders that are watched. A missing one is tried again with the next call that names it. */
  watch(paths: ReadonlySet<string>): void {
    for (const [path, watcher] of this.#watchers) {
      if (paths.has(path)) continue
      watcher.close()
      this.#watchers.delete(path)
    }
    for (const path of paths) this.#watchOne(path)
  }

  /** Reads now. What changes during a reading is read once more. */
  refresh(): Promise<void> {
    this.#isStale = this.#reading !== undefined
    this.#reading ??= this.#readAll().finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  [Symbol.dispose](): void {
    this.#isClosed = true
    clearInterval(this.#poll)
    clearTimeout(this.#settle)
    for (const watcher of this.#watchers.values()) watcher.close()
    this.#watchers.clear()
  }

  async #readAll(): Promise<void> {
    do {
      this.#isStale = false
      await this.#read()
    } while (this.#isStale && !this.#isClosed)
  }

  #watchOne(path: string): void {
    if (this.#isClosed || this.#watchers.has(path)) return
    try {
      const watcher = watch(path, { persistent: false }, () => this.#changed())
      watcher.on('error', () => {
        watcher.close()
        this.#watchers.delete(path)
      })
      this.#watchers.set(path, watcher)
    } catch {
      // Missing, or a file system that reports nothing: the poll reads it.
    }
  }

  #changed(): void {
    if (this.#isClosed) return
    const now = Date.now()
    this.#firstChangeAt ??= now
    clearTimeout(this.#settle)
    const waitMs = Math.min(SETTLE_MS, Math.max(0, this.#firstChangeAt + MAX_SETTLE_MS - now))
    this.#settle = setTimeout(() => {
      this.#firstChangeAt = undefined
      void this.refresh()
    }, waitMs)
  }
}
