import { Worker } from 'node:worker_threads'
import { matchesDigestHash } from './digest-hash.ts'
import { findHashKind } from './hash-forms.ts'
import type { HashJob, HashResult } from './hash-worker.ts'
import { verifyPasswordHash } from './password-hash.ts'

/** A worker idle for this long is ended: it holds some 10 MB. */
const IDLE_MS = 30_000
/** Heap of the worker, in MiB: no form of hash needs more than a few. */
const WORKER_HEAP_MIB = 32

interface PendingJob {
  resolve(matches: boolean): void
  reject(error: Error): void
}

/**
 * Checks the hashes of htpasswd files: slow ones on a thread of its own, started on demand, one at a time; argon2id on
 * the threads of Node; digests at once. The caller bounds the number of waiting checks. It keeps the process alive only
 * during a check.
 */
export class HashVerifier {
  readonly #pending = new Map<number, PendingJob>()
  #worker: Worker | undefined
  #idleTimer: NodeJS.Timeout | undefined
  #lastId = 0

  /**
   * True if the password matches the hash, which `readHash()` found usable. Of the password only the first 72 bytes
   * count with bcrypt, and the first 8 with DES. Errors: the worker's end.
   */
  async verify(password: string, hash: string): Promise<boolean> {
    switch (findHashKind(hash)) {
      case 'sha':
      case 'ssha':
      case 'plain':
        return matchesDigestHash(password, hash)
      case 'argon2id':
        return verifyPasswordHash(password, hash)
      default:
        return this.#verifyOnThread(password, hash)
    }
  }

  #verifyOnThread(password: string, hash: string): Promise<boolean> {
    const worker = this.#wake()
    const job: HashJob = { id: ++this.#lastId, password, hash }
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
    // Beside this file: TypeScript in a checkout, JavaScript once it is built.
    const url = new URL(`./hash-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)
    const worker = new Worker(url, {
      name: 'passwords',
      // By default it inherits the options of the process, some of which do not work with a file.
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: WORKER_HEAP_MIB },
    })
    worker.on('message', (result: HashResult) => this.#settle(result))
    worker.on('error', (error) => this.#lose(worker, error))
    worker.on('exit', () => this.#lose(worker, new Error('The worker that checks passwords ended')))
    return worker
  }

  #settle({ id, matches }: HashResult): void {
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
