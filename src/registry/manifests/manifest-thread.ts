import { Worker } from 'node:worker_threads'
import type { ManifestJob, ManifestResult, ManifestWork } from './manifest-worker.ts'

/** A thread idle for this long is ended: it holds some 10 MB. */
const IDLE_MS = 30_000
/** Heap of the thread, in MiB: the values of the largest manifest (`parseStrictJson()`) take less than half. */
const THREAD_HEAP_MIB = 256

interface PendingJob {
  resolve(outcome: ManifestResult['outcome']): void
  reject(error: Error): void
}

/**
 * A thread that parses large manifests one after the other, so that the serving thread goes on. It starts on demand.
 */
export class ManifestThread {
  readonly #pending = new Map<number, PendingJob>()
  #worker: Worker | undefined
  #idleTimer: NodeJS.Timeout | undefined
  #lastId = 0

  /** Errors: the thread's end. */
  run(work: ManifestWork): Promise<ManifestResult['outcome']> {
    clearTimeout(this.#idleTimer)
    const worker = this.#worker ?? this.#start()
    this.#worker = worker
    worker.ref()
    const job: ManifestJob = { id: ++this.#lastId, work }
    return new Promise((resolve, reject) => {
      this.#pending.set(job.id, { resolve, reject })
      worker.postMessage(job)
    })
  }

  #start(): Worker {
    // Beside this file: TypeScript in a checkout, JavaScript once it is built.
    const url = new URL(
      `./manifest-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`,
      import.meta.url,
    )
    const worker = new Worker(url, {
      name: 'manifests',
      // By default it inherits the options of the process, some of which do not work with a file.
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: THREAD_HEAP_MIB },
    })
    worker.on('message', (result: ManifestResult) => this.#settle(result))
    worker.on('error', (error) => this.#lose(worker, error))
    worker.on('exit', () => this.#lose(worker, new Error('The thread that reads manifests ended')))
    return worker
  }

  #settle({ id, outcome }: ManifestResult): void {
    this.#pending.get(id)?.resolve(outcome)
    this.#pending.delete(id)
    if (this.#pending.size > 0) return
    this.#worker?.unref()
    this.#idleTimer = setTimeout(() => this.#end(), IDLE_MS).unref()
  }

  #end(): void {
    const worker = this.#worker
    this.#worker = undefined
    void worker?.terminate()
  }

  /** The next job starts another one. */
  #lose(worker: Worker, error: unknown): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    for (const job of this.#pending.values()) {
      job.reject(error instanceof Error ? error : new Error(String(error)))
    }
    this.#pending.clear()
  }
}
