import { LineFile, type LineTarget, type WaitingBytes } from './line-file.ts'

/** Longest that the end of the process waits for outputs that are full but read, in milliseconds. */
const EXIT_WAIT_MS = 1_000
/** Pause before an output that is full but read is tried again, in milliseconds. */
const RETRY_MS = 100

/** PIPE_BUF of Linux: what a pipe takes in one piece, whoever else writes to it (pipe(7)). */
export const WHOLE_WRITE_BYTES = 4096

/** The bounds of what waits, and who is told. */
export interface LineOutputsOptions {
  /** Bytes of an output gathered before a write. */
  readonly minWriteBytes: number
  /** Longest wait before a line is written, in milliseconds. */
  readonly flushMs: number
  /** Most bytes waiting, of all outputs together; further lines are dropped. */
  readonly maxWaitingBytes: number
  /** Most bytes written at once, whole lines where they fit; undefined: all that waits. */
  readonly maxWriteBytes?: number | undefined
  /** Files kept open; beyond them those that were written to longest ago are closed. */
  readonly maxOpenFiles: number
  /** Told when lines cannot be written or are dropped, once for each reason until some can be written again. */
  readonly onProblem: (target: LineTarget, problem: string) => void
}

/**
 * Lines to files and descriptors, in batches. Nobody waits for a disk: what it does not take waits, within a bound,
 * and the end of the process is not held up by it either.
 */
export class LineOutputs {
  readonly #options: LineOutputsOptions
  readonly #waiting: WaitingBytes = { total: 0 }
  /** Those that are open, or where lines wait; in the order in which they were last written to. */
  readonly #files = new Map<LineTarget, LineFile>()
  /** One output is written to after the other, so that no more files are open than may be. */
  #queue: Promise<void> = Promise.resolve()
  readonly #queued = new Set<LineFile>()
  #timer: NodeJS.Timeout | undefined
  readonly #atExit = (): void => {
    const deadline = performance.now() + EXIT_WAIT_MS
    for (const file of this.#files.values()) if (file.waitingBytes > 0) file.writeNow(deadline)
  }

  /** Nothing is opened before the first line. */
  constructor(options: LineOutputsOptions) {
    this.#options = options
    process.on('exit', this.#atExit)
  }

  /** Takes a line with its end. */
  write(target: LineTarget, line: string): void {
    const { maxWaitingBytes, minWriteBytes, flushMs } = this.#options
    const file = this.#fileOf(target)
    if (this.#waiting.total + line.length > maxWaitingBytes) {
      this.#tell(file, 'lines come faster than they can be written, and are dropped')
      return
    }
    file.add(line)
    if (file.waitingBytes >= minWriteBytes && file.problems.size === 0) void this.#flushLater(file)
    else this.#wake(flushMs)
  }

  /** Opens a file before there is a line for it. */
  async open(target: LineTarget): Promise<void> {
    const file = this.#fileOf(target)
    await this.#enqueue(() => this.#attempt(file, () => file.open()))
  }

  /** Settled when all that waits was handed to the system, or could not be. */
  async flush(): Promise<void> {
    await Promise.all([...this.#files.values()].map((file) => this.#flushLater(file)))
  }

  /** Opens the files anew after they were moved away; lines on their way are in the old ones. */
  async reopen(): Promise<void> {
    const files = [...this.#files.values()]
    await Promise.all(files.map((file) => this.#enqueue(() => this.#attempt(file, () => file.reopen()))))
  }

  /** Writes what waits, and ends; what cannot be written now is lost. */
  async close(): Promise<void> {
    clearTimeout(this.#timer)
    await this.flush()
    for (const file of this.#files.values()) {
      file.drop()
      await this.#enqueue(() => this.#attempt(file, () => file.release()))
    }
    this.#files.clear()
    process.off('exit', this.#atExit)
  }

  #fileOf(target: LineTarget): LineFile {
    const known = this.#files.get(target)
    // There is mostly one, or the same again; then its place is right.
    if (known && this.#files.size === 1) return known
    this.#files.delete(target)
    const file = known ?? new LineFile(target, this.#waiting, this.#options.maxWriteBytes)
    this.#files.set(target, file)
    return file
  }

  #wake(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      void this.flush()
    }, ms).unref()
  }

  #flushLater(file: LineFile): Promise<void> {
    if (this.#queued.has(file) || file.waitingBytes === 0) return this.#queue
    this.#queued.add(file)
    return this.#enqueue(async () => {
      this.#queued.delete(file)
      if (file.waitingBytes === 0) return
      if (!file.isOpen) await this.#makeRoom()
      await this.#attempt(file, () => file.flush())
      // What is left is tried again, and what came in the meantime is not forgotten.
      if (file.waitingBytes > 0) this.#wake(file.problems.has(FULL) ? RETRY_MS : this.#options.flushMs)
    })
  }

  #enqueue(work: () => Promise<void>): Promise<void> {
    this.#queue = this.#queue.then(work)
    return this.#queue
  }

  async #makeRoom(): Promise<void> {
    const open = [...this.#files.values()].filter(({ isOpen }) => isOpen)
    for (const file of open.slice(0, Math.max(0, open.length + 1 - this.#options.maxOpenFiles))) {
      await this.#attempt(file, () => file.release())
      if (file.waitingBytes === 0) this.#files.delete(file.target)
    }
  }

  /** Never rejected. */
  async #attempt(file: LineFile, work: () => Promise<void>): Promise<void> {
    try {
      await work()
      file.problems.clear()
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
      if (code === FULL) file.problems.add(FULL)
      else this.#tell(file, `it cannot be written (${code})`)
    }
  }

  #tell(file: LineFile, problem: string): void {
    if (file.problems.has(problem)) return
    file.problems.add(problem)
    this.#options.onProblem(file.target, problem)
  }
}

/** The reader of a pipe is slow, and nothing is wrong. */
const FULL = 'EAGAIN'
