import { LineFile, type LineTarget, type WaitingBytes } from './line-file.ts'

/** Longest wait for outputs that are full but have a reader, at the end of the process, in milliseconds. */
const EXIT_WAIT_MS = 1_000
/** Pause before an output that is full but has a reader is tried again, in milliseconds. */
const RETRY_MS = 100

/** PIPE_BUF of Linux: the largest write that a pipe never mixes with those of other writers (pipe(7)). */
export const WHOLE_WRITE_BYTES = 4096

/** Bounds of the waiting lines, and the callback for problems. */
export interface LineOutputsOptions {
  /** Bytes of an output gathered before a write. */
  readonly minWriteBytes: number
  /** Longest wait before a line is written, in milliseconds. */
  readonly flushMs: number
  /** Most bytes waiting, of all outputs together; further lines are dropped. */
  readonly maxWaitingBytes: number
  /** Most bytes written at once, in whole lines where they fit; undefined: everything that waits. */
  readonly maxWriteBytes?: number | undefined
  /** Files kept open; beyond that, the least recently written one is closed. */
  readonly maxOpenFiles: number
  /** Called when lines cannot be written or are dropped, once for each reason until some can be written again. */
  readonly onProblem: (target: LineTarget, problem: string) => void
}

/**
 * Lines to files and descriptors, in batches. Callers never wait for a disk: lines it does not accept wait, within a
 * bound, and do not hold up the end of the process.
 */
export class LineOutputs {
  readonly #options: LineOutputsOptions
  readonly #waiting: WaitingBytes = { total: 0 }
  /** Outputs that are open or have waiting lines, least recently written first. */
  readonly #files = new Map<LineTarget, LineFile>()
  /** Outputs are written one after the other, so that the bound of open files holds. */
  #queue: Promise<void> = Promise.resolve()
  readonly #queued = new Set<LineFile>()
  #timer: NodeJS.Timeout | undefined
  readonly #atExit = (): void => {
    const deadline = performance.now() + EXIT_WAIT_MS
    for (const file of this.#files.values()) if (file.waitingBytes > 0) file.writeNow(deadline)
  }

  /** Opens nothing before the first line. */
  constructor(options: LineOutputsOptions) {
    this.#options = options
    process.on('exit', this.#atExit)
  }

  /** Accepts a line with its end. */
  write(target: LineTarget, line: string): void {
    const { maxWaitingBytes, minWriteBytes, flushMs } = this.#options
    const file = this.#ensureFile(target)
    if (this.#waiting.total + line.length > maxWaitingBytes) {
      this.#report(file, 'lines come faster than they can be written, and are dropped')
      return
    }
    file.add(line)
    if (file.waitingBytes >= minWriteBytes && file.problems.size === 0) void this.#flushLater(file)
    else this.#wake(flushMs)
  }

  /** Opens a file before its first line. */
  async open(target: LineTarget): Promise<void> {
    const file = this.#ensureFile(target)
    await this.#enqueue(() => this.#attempt(file, () => file.open()))
  }

  /** Settles when each waiting line was handed to the system, or could not be. */
  async flush(): Promise<void> {
    await Promise.all([...this.#files.values()].map((file) => this.#flushLater(file)))
  }

  /** Opens the files anew after they were moved away; lines on their way go to the old ones. */
  async reopen(): Promise<void> {
    const files = [...this.#files.values()]
    await Promise.all(files.map((file) => this.#enqueue(() => this.#attempt(file, () => file.reopen()))))
  }

  /** Writes the waiting lines, and closes; lines that cannot be written now are lost. */
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

  #ensureFile(target: LineTarget): LineFile {
    const known = this.#files.get(target)
    // Mostly there is one output only; then the order is right as it is.
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
      // Lines that are left are tried again; lines that came in the meantime are in there too.
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
      else this.#report(file, `it cannot be written (${code})`)
    }
  }

  #report(file: LineFile, problem: string): void {
    if (file.problems.has(problem)) return
    file.problems.add(problem)
    this.#options.onProblem(file.target, problem)
  }
}

/** Error code of a pipe that is full because its reader is slow: no problem. */
const FULL = 'EAGAIN'
