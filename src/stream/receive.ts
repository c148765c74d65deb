import type { Readable } from 'node:stream'
import { type BufferBudget, MIN_BUFFER_BYTES } from './buffer-budget.ts'
import type { Interruption } from './interruption.ts'

/** Options of receiving a body. */
export interface ReceiveOptions {
  readonly budget: BufferBudget
  /**
   * Takes a filled buffer, which may be used again once the promise has settled. Calls come in order, but do not wait
   * for the promises before: work that depends on the order is done before the first `await`.
   */
  readonly consume: (bytes: Buffer) => Promise<void>
  /** Called with each chunk once it is copied: nothing here reads it any more. */
  readonly release?: ((chunk: Buffer) => void) | undefined
  /** Most bytes accepted; more is the interruption `too-large`. */
  readonly maxBytes: number
  /** Longest silence of the sender, in milliseconds; longer is the interruption `stalled`. */
  readonly gapMs: number
}

/** The part of a chunk that waits until a buffer is free. */
interface Rest {
  readonly chunk: Buffer
  readonly from: number
}

/** Result of a body; no interruption: received up to its last byte. */
export interface Received {
  readonly interruption: Interruption | undefined
}

/**
 * Receives a body into large buffers: one is filled while others are consumed, and the sender is held back when all are
 * full.
 *
 * Copying each small chunk (TLS records bring 16 KiB at most) into a buffer of our own costs less than passing the
 * chunks on one by one. A chunk that is copied goes to `release`: an owner that frees it keeps memory constant. Errors:
 * those of `consume`; the sender's failures are returned as an {@link Interruption}.
 */
export function receive(source: Readable, options: ReceiveOptions): Promise<Received> {
  return new Promise((resolve, reject) => {
    new Receiver(source, options, resolve, reject).start()
  })
}

/** Owns the listeners, the gap timer and the buffers of one body. */
class Receiver {
  readonly #source: Readable
  readonly #options: ReceiveOptions
  readonly #resolve: (received: Received) => void
  readonly #reject: (error: unknown) => void
  #filling: Buffer
  #filled = 0
  #total = 0
  #beingConsumed = 0
  /** True if every buffer is on its way or full, and the sender has to wait. */
  #isHeldBack = false
  /** Bytes for which there was no room then. */
  #rest: Rest | undefined
  #end: Received | undefined
  #isSettled = false
  /** Stopped while the sender is held back: silence is then not its fault. */
  #timer: NodeJS.Timeout

  constructor(
    source: Readable,
    options: ReceiveOptions,
    resolve: (received: Received) => void,
    reject: (error: unknown) => void,
  ) {
    this.#source = source
    this.#options = options
    this.#resolve = resolve
    this.#reject = reject
    options.budget.enter()
    // Starts small: of many that begin at once, the first does not know of the others yet.
    this.#filling = options.budget.take(MIN_BUFFER_BYTES)
    this.#timer = this.#startTimer()
  }

  start(): void {
    const source = this.#source
    source.on('data', this.#onData)
    source.on('end', this.#onEnd)
    source.on('error', this.#onGone)
    source.on('close', this.#onGone)
    if (source.destroyed) this.#onGone()
    // A source that was paused before does not begin to flow by itself.
    else source.resume()
  }

  #startTimer(): NodeJS.Timeout {
    return setTimeout(() => this.#finish('stalled'), this.#options.gapMs)
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#timer.refresh()
    if (this.#end) return
    this.#total += chunk.length
    if (this.#total > this.#options.maxBytes) this.#finish('too-large')
    else this.#take({ chunk, from: 0 })
  }

  readonly #onEnd = (): void => this.#finish(undefined)
  readonly #onGone = (): void => this.#finish(this.#source.readableEnded ? undefined : 'vanished')

  /** Copies what fits; the rest waits until a buffer is free, and holds the sender back. */
  #take({ chunk, from }: Rest): void {
    const taken = chunk.copy(this.#filling, this.#filled, from)
    this.#filled += taken
    const rest = from + taken < chunk.length ? { chunk, from: from + taken } : undefined
    if (!rest) this.#options.release?.(chunk)
    if (this.#filled < this.#filling.length) return
    if (!this.#mayFillAnother()) {
      this.#isHeldBack = true
      this.#rest = rest
      this.#source.pause()
      clearTimeout(this.#timer)
      return
    }
    this.#consumeFilled()
    if (rest) this.#take(rest)
  }

  /** False if a transfer that had more buffers before others came still has too many of them under way. */
  #mayFillAnother(): boolean {
    return this.#beingConsumed < this.#options.budget.buffersPerTransfer - 1
  }

  #consumeFilled(): void {
    const buffer = this.#filling
    const bytes = buffer.subarray(0, this.#filled)
    this.#filling = this.#options.budget.take()
    this.#filled = 0
    this.#beingConsumed++
    this.#consume(bytes).then(
      () => this.#onConsumed(buffer),
      (error: unknown) => {
        this.#options.budget.give(buffer)
        this.#beingConsumed--
        this.#settle(() => this.#reject(error))
      },
    )
  }

  /** An error before there is a promise becomes one that fails: out of a listener it would cut the connection. */
  async #consume(bytes: Buffer): Promise<void> {
    await this.#options.consume(bytes)
  }

  #onConsumed(buffer: Buffer): void {
    this.#options.budget.give(buffer)
    this.#beingConsumed--
    if (this.#isSettled) return
    if (this.#isHeldBack && this.#mayFillAnother()) {
      const rest = this.#rest
      this.#isHeldBack = false
      this.#rest = undefined
      this.#consumeFilled()
      if (rest) this.#take(rest)
      if (!this.#isHeldBack && !this.#end) {
        // A timer that was cleared never runs again: `refresh()` does not wake it.
        this.#timer = this.#startTimer()
        this.#source.resume()
      }
    }
    if (this.#end) this.#drain()
  }

  /** The body has ended: consumes the rest, then settles. */
  #finish(interruption: Interruption | undefined): void {
    if (this.#end) return
    this.#end = { interruption }
    clearTimeout(this.#timer)
    this.#drain()
  }

  #drain(): void {
    if (this.#isHeldBack) return
    if (this.#filled > 0) this.#consumeFilled()
    const end = this.#end
    if (end && this.#beingConsumed === 0) this.#settle(() => this.#resolve(end))
  }

  #settle(resolve: () => void): void {
    if (this.#isSettled) return
    this.#isSettled = true
    this.#end ??= { interruption: undefined }
    this.#rest = undefined
    clearTimeout(this.#timer)
    const source = this.#source
    source.off('data', this.#onData)
    source.off('end', this.#onEnd)
    source.off('error', this.#onGone)
    source.off('close', this.#onGone)
    // A late failure of the sender changes nothing, but must not become an uncaught error.
    source.on('error', ignoreLateError)
    this.#options.budget.give(this.#filling)
    this.#options.budget.leave()
    resolve()
  }
}

function ignoreLateError(): void {
  // Already dealt with: the body has ended.
}
