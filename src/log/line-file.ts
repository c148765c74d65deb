import { close, constants, open, openSync, write, writeSync } from 'node:fs'
import { promisify } from 'node:util'

const openAsync = promisify(open)
const closeAsync = promisify(close)

/** Target of lines: the path of a file, which is appended to, or a descriptor, which is never closed. */
export type LineTarget = string | number

/** Bytes that wait in all files of one owner. */
export interface WaitingBytes {
  total: number
}

// Without O_NONBLOCK, opening a named pipe that has no reader would block; with it, it fails.
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK
const MODE = 0o666
/** Pause before a full descriptor is tried again at the end of the process, in milliseconds. */
const RETRY_MS = 20
const NOTHING = Buffer.alloc(0)

/**
 * Lines on their way into one file, in order. Lines that could not be written are kept and written with the next ones.
 * The owner must wait for each promise before the next call.
 */
export class LineFile {
  readonly target: LineTarget
  /** Problems reported to the owner since the last successful write. */
  readonly problems = new Set<string>()
  readonly #waiting: WaitingBytes
  readonly #maxWriteBytes: number
  #fd: number | undefined
  /** Gathered lines, counted in characters; most characters are one byte. */
  #text = ''
  /** Bytes being written, or left by a failed write. */
  #rest: Buffer = NOTHING
  #isWriting = false

  /** Opens nothing yet. */
  constructor(target: LineTarget, waiting: WaitingBytes, maxWriteBytes = Number.POSITIVE_INFINITY) {
    this.target = target
    this.#waiting = waiting
    this.#maxWriteBytes = maxWriteBytes
    if (typeof target === 'number') this.#fd = target
  }

  get isOpen(): boolean {
    return this.#fd !== undefined
  }

  get waitingBytes(): number {
    return this.#text.length + this.#rest.length
  }

  /** Takes lines, each with its end. */
  add(text: string): void {
    this.#text += text
    this.#waiting.total += text.length
  }

  /** Errors: those of the system. */
  async open(): Promise<void> {
    if (typeof this.target === 'string') this.#fd ??= await openAsync(this.target, FLAGS, MODE)
  }

  /** Writes what waits now. Errors: those of the system. */
  async flush(): Promise<void> {
    await this.open()
    await this.#writeRest()
    this.#takeText()
    await this.#writeRest()
  }

  /** Writes what waits to the open file, then opens the file's path anew. Errors: those of the system. */
  async reopen(): Promise<void> {
    if (typeof this.target === 'number' || this.#fd === undefined) return
    // A full disk under the old file must not keep the new one from being opened.
    await this.flush().catch(() => {})
    const old = this.#fd
    this.#fd = await openAsync(this.target, FLAGS, MODE)
    await closeAsync(old)
  }

  /** Closes the file; lines that come later open it again. Errors: those of the system. */
  async release(): Promise<void> {
    if (typeof this.target === 'number' || this.#fd === undefined) return
    const fd = this.#fd
    this.#fd = undefined
    await closeAsync(fd)
  }

  /** Drops the lines that wait. */
  drop(): void {
    this.#waiting.total -= this.waitingBytes
    this.#text = ''
    this.#rest = NOTHING
  }

  /**
   * Writes the lines that wait, synchronously, for a process that ends. One attempt; lines that do not fit are lost. A
   * descriptor that is only full is tried again until `deadline`, by the clock of `performance.now()`.
   */
  writeNow(deadline: number): void {
    try {
      this.#fd ??= openSync(this.target as string, FLAGS, MODE)
      // An asynchronous write under way finishes by itself.
      if (this.#isWriting) this.#rest = NOTHING
      this.#writeRestNow(deadline)
      this.#takeText()
      this.#writeRestNow(deadline)
    } catch {
      // The process ends: there is no way left to report it.
    }
  }

  #takeText(): void {
    const bytes = Buffer.from(this.#text)
    this.#waiting.total += bytes.length - this.#text.length
    this.#rest = bytes
    this.#text = ''
  }

  async #writeRest(): Promise<void> {
    while (this.#rest.length > 0) {
      this.#isWriting = true
      try {
        this.#wrote(await writeSome(this.#fd ?? -1, this.#piece()))
      } finally {
        this.#isWriting = false
      }
    }
  }

  #writeRestNow(deadline: number): void {
    while (this.#rest.length > 0) {
      try {
        this.#wrote(writeSync(this.#fd ?? -1, this.#piece()))
      } catch (error) {
        const isFull = error instanceof Error && 'code' in error && error.code === 'EAGAIN'
        if (!isFull || performance.now() > deadline) throw error
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS)
      }
    }
  }

  /** Bytes of the next write: whole lines, or the first bytes of a line that is too long for one write. */
  #piece(): Buffer {
    if (this.#rest.length <= this.#maxWriteBytes) return this.#rest
    const end = this.#rest.lastIndexOf('\n', this.#maxWriteBytes - 1)
    return this.#rest.subarray(0, end < 0 ? this.#maxWriteBytes : end + 1)
  }

  #wrote(bytes: number): void {
    this.#rest = this.#rest.subarray(bytes)
    this.#waiting.total -= bytes
  }
}

function writeSome(fd: number, bytes: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, (error, written) => (error ? reject(error) : resolve(written)))
  })
}
