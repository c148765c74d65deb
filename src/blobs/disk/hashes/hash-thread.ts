import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { type Digest, type DigestAlgorithm, toDigest } from '../../../oci/digest.ts'
import { isOutOfDescriptors } from '../../../stream/descriptors.ts'
import type { HashAnswer, HashJob } from './hash-worker.ts'
import type { UploadHash } from './upload-hash.ts'

/** Heap of the thread, in MiB, and its stack: it holds hashes of a few hundred bytes, no bytes. */
const HEAP_MIB = 16
const STACK_MIB = 1
/** A thread that was lost this often is not started again: hashing in line works. */
const MAX_LOSSES = 3

/** The beginning of a hash: bytes that a file holds already. */
interface Beginning {
  readonly algorithm: DigestAlgorithm
  readonly path: string
  /** Bytes that the hash begins with. */
  readonly size: number
  /** Settles once those bytes are written; if it rejects, the hash is lost. */
  readonly written: Promise<unknown>
}

/** Called when the thread was lost, with the reason; `isLast` if none is started again. */
export type OnThreadLost = (loss: { readonly error: unknown; readonly isLast: boolean }) => void

/** A thread, if there is a core for it. */
export function hashThreadIfUseful(onLost?: OnThreadLost): HashThread | undefined {
  return availableParallelism() > 1 ? new HashThread(onLost) : undefined
}

/**
 * Hashes uploads on a thread of its own, started with the first. A job waits for each of an upload's buffers, so the
 * budget of buffers bounds the waiting jobs. The thread keeps the process alive only while a job waits.
 *
 * If the thread ends, its hashes are lost, which costs a second read of the bytes. A new thread has none of the old
 * ones.
 */
export class HashThread {
  readonly #pending = new Map<number, (hex: string | undefined) => void>()
  #worker: Worker | undefined
  #lastId = 0
  #losses = 0
  readonly #onLost: OnThreadLost

  constructor(onLost: OnThreadLost = () => {}) {
    this.#onLost = onLost
  }

  /** False once the thread was lost too often. */
  get isUsable(): boolean {
    return this.#losses < MAX_LOSSES
  }

  /** Begins a hash with the content of a file. */
  begin({ algorithm, path, size, written }: Beginning): UploadHash {
    const hash = ++this.#lastId
    const isBegun = written.then(
      () => this.#wake()?.postMessage({ kind: 'begin', hash, algorithm, path, size } satisfies HashJob),
      // The write itself fails with the error.
      () => undefined,
    )
    return {
      isInLine: false,
      update: async (bytes) => {
        await isBegun
        await this.#send({ kind: 'update', id: ++this.#lastId, hash, bytes })
      },
      digest: async (): Promise<Digest | undefined> => {
        await isBegun
        const hex = await this.#send({ kind: 'digest', id: ++this.#lastId, hash })
        return hex === undefined ? undefined : toDigest(algorithm, hex)
      },
      drop: () => {
        void isBegun.then(() => this.#worker?.postMessage({ kind: 'drop', hash } satisfies HashJob))
      },
    }
  }

  /** Ends the thread: its hashes are lost. */
  async close(): Promise<void> {
    const worker = this.#worker
    this.#forgetWorker()
    await worker?.terminate()
  }

  #send(job: HashJob & { readonly id: number }): Promise<string | undefined> {
    const worker = this.#worker
    if (!worker) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      // A process with nothing else to do must not end while an answer is due.
      if (this.#pending.size === 0) worker.ref()
      this.#pending.set(job.id, resolve)
      worker.postMessage(job)
    })
  }

  #wake(): Worker | undefined {
    if (this.#worker || !this.isUsable) return this.#worker
    try {
      this.#worker = this.#start()
    } catch (error) {
      // Without a thread the hash is lost, and the bytes are read again.
      this.#countLoss(error)
    }
    return this.#worker
  }

  #start(): Worker {
    // Beside this file: TypeScript in a checkout, JavaScript once it is built.
    const url = new URL(`./hash-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)
    const worker = new Worker(url, {
      name: 'hashes',
      // By default it inherits the options of the process, some of which do not work with a file.
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB, stackSizeMb: STACK_MIB },
    })
    worker.on('message', ({ id, hex }: HashAnswer) => {
      const resolve = this.#pending.get(id)
      this.#pending.delete(id)
      if (this.#pending.size === 0) worker.unref()
      resolve?.(hex)
    })
    worker.on('error', (error) => this.#lose(worker, error))
    worker.on('exit', (code) => this.#lose(worker, new Error(`The thread ended with exit code ${code}`)))
    // After the listeners: one for messages would hold the process again.
    worker.unref()
    return worker
  }

  #lose(worker: Worker, error: unknown): void {
    if (this.#worker !== worker) return
    this.#forgetWorker()
    this.#countLoss(error)
  }

  /** A failed start for lack of a descriptor does not count: the next one may succeed. */
  #countLoss(error: unknown): void {
    if (!isOutOfDescriptors(error)) this.#losses++
    this.#onLost({ error, isLast: !this.isUsable })
  }

  #forgetWorker(): void {
    this.#worker = undefined
    for (const resolve of this.#pending.values()) resolve(undefined)
    this.#pending.clear()
  }
}
