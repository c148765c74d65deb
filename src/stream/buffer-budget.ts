import { OciError } from '../oci/errors.ts'
import { countDroppedBytes } from './collect-chunks.ts'

/** Smallest and largest buffer handed out: below the one, calls dominate; above the other, nothing is gained. */
export const MIN_BUFFER_BYTES = 64 * 1024
const MAX_BUFFER_BYTES = 1024 * 1024
/**
 * Smallest buffer in memory that a thread can share: what is hashed on one is not copied for it. Smaller ones are those
 * of a crowd, which is hashed in line. V8 does not count shared memory, and so collects it later than other memory.
 */
const MIN_SHARED_BYTES = 512 * 1024
/** Memory of all transfers together, as long as there are no more than some sixty of them. */
const BUDGET_BYTES = 16 * 1024 * 1024
/** Buffers kept while nothing is transferred: enough for one transfer at full speed. */
const IDLE_BYTES = 4 * 1024 * 1024
/** Transfers beyond which new buffers are smaller still: a few hundred machines that pull at once must be served. */
const CROWD = 1_024
const CROWDED_BUFFER_BYTES = 16 * 1024
/**
 * Transfers at once. A pull holds two buffers, a push four at most, so they take 256 MiB if all push, and what those
 * that were there before the crowd still hold in larger ones; a client that sends a byte a minute holds one as well.
 */
export const MAX_TRANSFERS = 4_096
/** Seconds after which a client that was turned away may try again. */
const RETRY_AFTER_S = 5
/** Buffers one transfer holds at most: one is filled while three are on their way. */
export const BUFFERS_PER_TRANSFER = 4

/**
 * Shares a fixed amount of memory among the transfers under way: few get large buffers, many get small ones.
 *
 * A buffer handed back is used again, as long as there are transfers for it: one that is thrown away has grown old, and
 * takes memory until V8 looks through all that is old.
 */
export class BufferBudget {
  #transfers = 0
  readonly #free = new Map<number, Buffer[]>()
  #freeBytes = 0

  /** Transfers under way. */
  get transfers(): number {
    return this.#transfers
  }

  /** Counts a transfer in; the caller counts it out with {@link leave}. Errors: `TOOMANYREQUESTS`. */
  enter(): void {
    if (this.#transfers >= MAX_TRANSFERS) {
      throw new OciError('TOOMANYREQUESTS', {
        message: 'Too many transfers are under way: wait, then try again',
        retryAfterS: RETRY_AFTER_S,
      })
    }
    const sizeBefore = this.#sizeNow()
    this.#transfers++
    if (this.#sizeNow() < sizeBefore) this.#drop((size) => size > this.#sizeNow())
  }

  leave(): void {
    this.#transfers--
    if (this.#freeBytes > this.#mostFree()) this.#drop((size) => size < this.#sizeNow())
    if (this.#freeBytes > this.#mostFree()) this.#drop(() => true)
  }

  /** A buffer of the size that suits the load now, or the power of two that holds `wanted` bytes if that is less. */
  take(wanted: number = MAX_BUFFER_BYTES): Buffer {
    const size = Math.min(this.#sizeNow(), ceilToPowerOfTwo(Math.max(wanted, MIN_BUFFER_BYTES)))
    const buffer = this.#free.get(size)?.pop()
    if (!buffer) return size < MIN_SHARED_BYTES ? Buffer.allocUnsafeSlow(size) : sharedBuffer(size)
    this.#freeBytes -= size
    return buffer
  }

  /** Hands a buffer back; the caller no longer touches it. */
  give(buffer: Buffer): void {
    const size = this.#sizeNow()
    // Small ones of a time with more transfers must not keep out those that are wanted now.
    if (this.#freeBytes + buffer.length > this.#mostFree()) this.#drop((other) => other < size)
    if (buffer.length > size || this.#freeBytes + buffer.length > this.#mostFree()) {
      countDroppedBytes(buffer.length)
      return
    }
    const list = this.#free.get(buffer.length)
    if (list) list.push(buffer)
    else this.#free.set(buffer.length, [buffer])
    this.#freeBytes += buffer.length
  }

  /** What all transfers under way may hold together. */
  #mostFree(): number {
    return this.#transfers === 0 ? IDLE_BYTES : BUFFERS_PER_TRANSFER * this.#transfers * this.#sizeNow()
  }

  #drop(isDropped: (size: number) => boolean): void {
    for (const [size, buffers] of this.#free) {
      if (!isDropped(size)) continue
      this.#freeBytes -= size * buffers.length
      this.#free.delete(size)
      countDroppedBytes(size * buffers.length)
    }
  }

  #sizeNow(): number {
    if (this.#transfers > CROWD) return CROWDED_BUFFER_BYTES
    const share = BUDGET_BYTES / (BUFFERS_PER_TRANSFER * Math.max(1, this.#transfers))
    return Math.min(MAX_BUFFER_BYTES, Math.max(MIN_BUFFER_BYTES, floorToPowerOfTwo(share)))
  }
}

function sharedBuffer(size: number): Buffer {
  return Buffer.from(new SharedArrayBuffer(size))
}

function floorToPowerOfTwo(value: number): number {
  return 2 ** Math.floor(Math.log2(value))
}

function ceilToPowerOfTwo(value: number): number {
  return 2 ** Math.ceil(Math.log2(value))
}
