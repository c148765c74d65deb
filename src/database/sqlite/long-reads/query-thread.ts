import type { SQLInputValue } from 'node:sqlite'
import { Worker } from 'node:worker_threads'
import type { QueryAnswer, QueryFile, QueryJob } from './query-worker.ts'

/** Time after its last query after which the thread ends, in milliseconds: a report has a few queries in turn. */
const IDLE_MS = 1_000
/** Bound of JavaScript's memory, in MiB: answers are sums, and SQLite has memory of its own. */
const HEAP_MIB = 64

interface Waiting {
  readonly resolve: (rows: readonly unknown[]) => void
  readonly reject: (error: Error) => void
}

/**
 * Runs queries of an SQLite file on a thread with a connection of its own that only reads, so that a long one delays no request.
 * The thread is there only while there are queries. Errors: those of SQLite; the loss of the thread.
 */
export class QueryThread {
  readonly #file: QueryFile
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | undefined
  #idle: NodeJS.Timeout | undefined
  #lastId = 0

  constructor(file: QueryFile) {
    this.#file = file
  }

  /** True while there is a thread. */
  get isRunning(): boolean {
    return this.#worker !== undefined
  }

  run(sql: string, parameters: readonly SQLInputValue[]): Promise<readonly unknown[]> {
    clearTimeout(this.#idle)
    this.#worker ??= this.#start()
    const worker = this.#worker
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      // A process with nothing else to do must not end while an answer is due.
      worker.ref()
      this.#waiting.set(id, { resolve, reject })
      worker.postMessage({ id, sql, parameters } satisfies QueryJob)
    })
  }

  /** Ends the thread; queries under way fail. */
  async close(): Promise<void> {
    const worker = this.#worker
    this.#lose(worker, new Error('The database was closed'))
    await worker?.terminate()
  }

  #start(): Worker {
    // Beside this file: TypeScript in a checkout, JavaScript once it is built.
    const url = new URL(`./query-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)
    const worker = new Worker(url, {
      name: 'long-reads',
      workerData: this.#file,
      // By default it inherits the options of the process, some of which do not work with a file.
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB },
    })
    worker.on('message', (answer: QueryAnswer) => this.#end(worker, answer))
    worker.on('error', (error: Error) => this.#lose(worker, error))
    worker.on('exit', (code) =>
      this.#lose(worker, new Error(`The thread of a query ended with code ${code}`)),
    )
    return worker
  }

  #end(worker: Worker, { id, rows = [], problem }: QueryAnswer): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (this.#waiting.size === 0) {
      worker.unref()
      this.#idle = setTimeout(() => void this.close(), IDLE_MS).unref()
    }
    if (!problem) waiting?.resolve(rows)
    else waiting?.reject(Object.assign(new Error(problem.message), { errcode: problem.errcode }))
  }

  #lose(worker: Worker | undefined, error: Error): void {
    if (this.#worker !== worker) return
    clearTimeout(this.#idle)
    this.#worker = undefined
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject } of waiting) reject(error)
  }
}
