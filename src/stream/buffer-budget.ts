import { OciError } from '../oci/errors.ts'
import type { ChunkCollector } from './chunk-collector.ts'

/** Buffers of one transfer, for a number of transfers. */
interface Plan {
  /** Most transfers for which the plan applies. */
  readonly upTo: number
  /** Bytes of a new buffer, a power of two: below 128 KiB the cost of the calls shows. */
  readonly bytes: number
  /**
   * Most buffers of a transfer: one is filled while the others are on their way. In a crowd other transfers keep the
   * disk busy.
   */
  readonly buffers: number
}

/**
 * Transfers at once. With the larger buffers that transfers from before the crowd still hold, a little more than 128
 * MiB; a client that sends a byte a minute holds one buffer as well.
 */
export const MAX_TRANSFERS = 4_096

const KIB = 1024
/** Few transfers get large buffers, many get small ones: 16 MiB for all up to 32, 32 up to 128, then 128 at most. */
const PLANS: readonly [Plan, ...Plan[]] = [
  { upTo: 4, bytes: 1024 * KIB, buffers: 4 },
  { upTo: 8, bytes: 512 * KIB, buffers: 4 },
  { upTo: 16, bytes: 256 * KIB, buffers: 4 },
  { upTo: 32, bytes: 128 * KIB, buffers: 4 },
  { upTo: 128, bytes: 128 * KIB, buffers: 2 },
  { upTo: 1_024, bytes: 64 * KIB, buffers: 2 },
  { upTo: MAX_TRANSFERS, bytes: 16 * KIB, buffers: 2 },
]
/** Smallest buffer handed out outside a crowd, and the first of each transfer: below it the cost of calls dominates. */
export const MIN_BUFFER_BYTES: number = 64 * KIB
/**
 * Smallest buffer in memory that a thread can share: its bytes need no copy to be hashed there. Smaller ones are those
 * of a crowd, which is hashed in line. V8 does not count shared memory, and so collects it later.
 */
const MIN_SHARED_BYTES = 512 * KIB
/** Buffers kept while nothing is transferred: enough for one transfer at full speed. */
const IDLE_BYTES = 4 * 1024 * KIB
/** Seconds after which a refused client may try again. */
const RETRY_AFTER_S = 5

/**
 * Shares a fixed amount of memory among the transfers under way: few get large buffers, many get small ones.
 *
 * A returned buffer is reused as long as there are transfers for it: one that is thrown away has grown old, and takes
 * memory until V8's next collection of old objects.
 */
export class BufferBudget {
  readonly #collector: ChunkCollector
  #transfers = 0
  #plan = PLANS[0]
  readonly #free = new Map<number, Buffer[]>()
  #freeBytes = 0

  constructor(collector: ChunkCollector) {
    this.#collector = collector
  }

  /** Transfers under way. */
  get transfers(): number {
    return this.#transfers
  }

  /** Buffers a transfer should hold at most now. */
  get buffersPerTransfer(): number {
    return this.#plan.buffers
  }

  /** Counts a transfer in; the caller counts it out with {@link leave}. Errors: `TOOMANYREQUESTS`. */
  enter(): void {
    if (this.#transfers >= MAX_TRANSFERS) {
      throw new OciError('TOOMANYREQUESTS', {
        message: 'Too many transfers are under way: wait, then try again',
        retryAfterS: RETRY_AFTER_S,
      })
    }
    const before = this.#plan
    this.#count(1)
    if (this.#plan.bytes < before.bytes) this.#drop((size) => size > this.#plan.bytes)
  }

  leave(): void {
    this.#count(-1)
    if (this.#freeBytes > this.#mostFree()) this.#drop((size) => size < this.#plan.bytes)
    if (this.#freeBytes > this.#mostFree()) this.#drop(() => true)
  }

  /** A buffer of the size that suits the load now, or of the power of two that holds `neededBytes` if that is less. */
  take(neededBytes: number = this.#plan.bytes): Buffer {
    const size = Math.min(this.#plan.bytes, ceilToPowerOfTwo(Math.max(neededBytes, MIN_BUFFER_BYTES)))
    const buffer = this.#free.get(size)?.pop()
    if (!buffer) return size < MIN_SHARED_BYTES ? Buffer.allocUnsafeSlow(size) : sharedBuffer(size)
    this.#freeBytes -= size
    return buffer
  }

  /** Returns a buffer; the caller no longer touches it. */
  give(buffer: Buffer): void {
    const size = this.#plan.bytes
    // Small ones from a time with more transfers must not displace the size in use now.
    if (this.#freeBytes + buffer.length > this.#mostFree()) this.#drop((other) => other < size)
    if (buffer.length > size || this.#freeBytes + buffer.length > this.#mostFree()) {
      this.#collector.countDropped(buffer.length)
      return
    }
    const list = this.#free.get(buffer.length)
    if (list) list.push(buffer)
    else this.#free.set(buffer.length, [buffer])
    this.#freeBytes += buffer.length
  }

  /** Most bytes that all transfers under way may hold together. */
  #mostFree(): number {
    return this.#transfers === 0 ? IDLE_BYTES : this.#plan.buffers * this.#transfers * this.#plan.bytes
  }

  #drop(isDropped: (size: number) => boolean): void {
    for (const [size, buffers] of this.#free) {
      if (!isDropped(size)) continue
      this.#freeBytes -= size * buffers.length
      this.#free.delete(size)
      this.#collector.countDropped(size * buffers.length)
    }
  }

  #count(change: 1 | -1): void {
    this.#transfers += change
    this.#plan = PLANS.find(({ upTo }) => this.#transfers <= upTo) ?? this.#plan
  }
}

function sharedBuffer(size: number): Buffer {
  return Buffer.from(new SharedArrayBuffer(size))
}

function ceilToPowerOfTwo(value: number): number {
  return 2 ** Math.ceil(Math.log2(value))
}
