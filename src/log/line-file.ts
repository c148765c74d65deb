import { close, constants, open, openSync, write, writeSync } from 'node:fs'
import { promisify } from 'node:util'

const openAsync = promisify(open)
const closeAsync = promisify(close)

/** Where lines go: the path of a file, which is appended to, or a descriptor, which is never closed. */
export type LineTarget = string | number

/** Bytes that wait in all files of one owner. */
export interface WaitingBytes {
  total: number
}

// A pipe with a name that nobody reads is an error, not a wait.
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK
const MODE = 0o666
/** Pause before a descriptor that is full is tried again at the end of the process, in milliseconds. */
const RETRY_MS = 20
const NOTHING = Buffer.alloc(0)

/**
 * Lines on their way into one file, in order. What could not be written stays and is written with what comes next.
 * Its owner sees to it that no two of its promises are under way at once.
 */
export class LineFile {
  readonly target: LineTarget
  /** What its owner told of since something was written. */
  readonly problems = new Set<string>()
  readonly #waiting: WaitingBytes
  readonly #maxWriteBytes: number
  #fd: number | undefined
  /** Gathered; by characters, most of which are bytes. */
  #text = ''
  /** Being written, or what a failed write left. */
  #rest: Buffer = NOTHING
  #isWriting = false

  /** Nothing is opened yet. */
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

  /** Writes what waits to the file that is open, and opens that of its name anew. Errors: those of the system. */
  async reopen(): Promise<void> {
    if (typeof this.target === 'number' || this.#fd === undefined) return
    // A full disk under the old file is no reason to keep it.
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

  /** Forgets what waits. */
  drop(): void {
    this.#waiting.total -= this.waitingBytes
    this.#text = ''
    this.#rest = NOTHING
  }

  /**
   * Writes what waits before it returns, for a process that ends: once, and what finds no room is lost. A descriptor
   * that only has to be waited for is waited for until `deadline`, by the clock of `performance.now()`.
   */
  writeNow(deadline: number): void {
    try {
      this.#fd ??= openSync(this.target as string, FLAGS, MODE)
      // What is under way comes to its end by itself.
      if (this.#isWriting) this.#rest = NOTHING
      this.#writeRestNow(deadline)
      this.#takeText()
      this.#writeRestNow(deadline)
    } catch {
      // Nobody is left to be told.
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

  /** What is written next: whole lines, or the first bytes of a line that is too long for one write. */
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
