import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Bytes received between two collections: received chunks hold at most so much beyond their use. From some 8 MiB on V8
 * marks the whole heap, again and again, on all cores: that took half of the processor time of a push.
 */
const COLLECT_EVERY_BYTES = 4 * 1024 * 1024

/** Bytes of old buffers dropped between two collections of all old objects, which take some six milliseconds. */
const COLLECT_OLD_EVERY_BYTES = 4 * 1024 * 1024

type Collect = (options: { type: 'minor' | 'major'; execution: 'sync' | 'async' }) => unknown

/**
 * Counts garbage whose size V8 does not see, and has it collected from time to time. A process has one: it collects for
 * all parts together.
 */
export class ChunkCollector {
  #collect: Collect | undefined
  #received = 0
  #dropped = 0
  #isCollectingOld = false

  /**
   * Counts bytes of chunks that are passed on and become garbage. A chunk that is only copied is better freed by
   * `freeMemoryOf()`.
   *
   * V8 sees only the small objects that own the chunks, not the 16 KiB behind each, and would let some 100 MB of them
   * pile up before it collects. A collection of the young generation takes a fifth of a millisecond.
   */
  countReceived(bytes: number): void {
    this.#received += bytes
    if (this.#received < COLLECT_EVERY_BYTES) return
    this.#received = 0
    this.#collect ??= exposeCollect()
    this.#collect({ type: 'minor', execution: 'sync' })
  }

  /**
   * Counts bytes of long-used buffers that are garbage now, and has them collected soon: one collection for all that are
   * dropped in one turn. One for each 4 MiB of a crowd that is ended would stop the process for seconds.
   */
  countDropped(bytes: number): void {
    this.#dropped += bytes
    if (this.#dropped < COLLECT_OLD_EVERY_BYTES || this.#isCollectingOld) return
    this.#isCollectingOld = true
    this.#collect ??= exposeCollect()
    // Runs in a later turn, when this one has dropped all it will.
    void Promise.resolve(this.#collect({ type: 'major', execution: 'async' })).then(() => {
      this.#isCollectingOld = false
      this.#dropped = 0
    })
  }
}

function exposeCollect(): Collect {
  setFlagsFromString('--expose-gc')
  const found: Collect = runInNewContext('gc')
  return found
}
