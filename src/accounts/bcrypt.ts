import { Worker } from 'node:worker_threads'
import type { BcryptJob, BcryptResult } from './bcrypt-worker.ts'

/** A worker that had nothing to do for this long is ended: it holds some 10 MB. */
const IDLE_MS = 30_000
/** Heap of the worker, in MiB: bcrypt needs a few KiB. */
const WORKER_HEAP_MIB = 32

interface PendingJob {
  resolve(matches: boolean): void
  reject(error: Error): void
}

/**
 * Checks bcrypt hashes on a thread of its own, started when it is needed, one at a time. How many may wait is its
 * caller's to bound. It keeps the process alive only while a check is under way.
 */
export class BcryptVerifier {
  readonly #pending = new Map<number, PendingJob>()
  #worker: Worker | undefined
  #idleTimer: NodeJS.Timeout | undefined
  #lastId = 0

  /** True if the password matches the hash, of which only the first 72 bytes count. Errors: the worker's end. */
  verify(password: string, hash: string): Promise<boolean> {
    const worker = this.#wake()
    const job: BcryptJob = { id: ++this.#lastId, password, hash }
    return new Promise((resolve, reject) => {
      this.#pending.set(job.id, { resolve, reject })
      worker.postMessage(job)
    })
  }

  /** Ends the worker. Checks under way are refused. */
  async close(): Promise<void> {
    clearTimeout(this.#idleTimer)
    const worker = this.#worker
    this.#worker = undefined
    this.#refuseAll(new Error('The check of a password was broken off'))
    await worker?.terminate()
  }

  #wake(): Worker {
    clearTimeout(this.#idleTimer)
    this.#worker ??= this.#start()
    this.#worker.ref()
    return this.#worker
  }

  #start(): Worker {
    const worker = new Worker(WORKER_URL, {
      name: 'bcrypt',
      // By default it takes over the options of the process, some of which a file cannot be run with.
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: WORKER_HEAP_MIB },
    })
    worker.on('message', (result: BcryptResult) => this.#settle(result))
    worker.on('error', (error) => this.#lose(worker, error))
    worker.on('exit', () => this.#lose(worker, new Error('The worker that checks passwords ended')))
    return worker
  }

  #settle({ id, matches }: BcryptResult): void {
    this.#pending.get(id)?.resolve(matches)
    this.#pending.delete(id)
    if (this.#pending.size > 0) return
    this.#worker?.unref()
    this.#idleTimer = setTimeout(() => void this.close(), IDLE_MS).unref()
  }

  /** The next check starts another one. */
  #lose(worker: Worker, error: unknown): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    this.#refuseAll(error instanceof Error ? error : new Error(String(error)))
  }

  #refuseAll(error: Error): void {
    for (const job of this.#pending.values()) job.reject(error)
    this.#pending.clear()
  }
}

/** Beside this file: TypeScript in a checkout, JavaScript once it is built. */
const WORKER_URL = new URL(
  `./bcrypt-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`,
  import.meta.url,
)
