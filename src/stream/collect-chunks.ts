import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Bytes received between two collections: what received chunks may hold at most beyond their use. From some 8 MiB on V8
 * begins to look through the whole heap, again and again, on all cores: that took half of the processor time of a push.
 */
const COLLECT_EVERY_BYTES = 4 * 1024 * 1024

/** Bytes of old buffers thrown away between two collections of all that is old, which take some six milliseconds. */
const COLLECT_OLD_EVERY_BYTES = 4 * 1024 * 1024

type Collect = (options: { type: 'minor' | 'major'; execution: 'sync' | 'async' }) => unknown

let collect: Collect | undefined
let uncollected = 0
let uncollectedOld = 0
let isCollectingOld = false

/**
 * Counts bytes that came in chunks which are handed on and then garbage, and has them collected from time to time. A
 * chunk that is only copied is better freed by `freeMemoryOf()`.
 *
 * V8 sees only the small objects that stand for the chunks, not the 16 KiB behind each, and would let some 100 MB of
 * them pile up before it looks. A collection of the young generation takes a fifth of a millisecond.
 */
export function countReceivedBytes(bytes: number): void {
  uncollected += bytes
  if (uncollected < COLLECT_EVERY_BYTES) return
  uncollected = 0
  collect ??= exposeCollect()
  collect({ type: 'minor', execution: 'sync' })
}

/**
 * Counts bytes of buffers that were in use for long and are garbage now, and has them collected soon: all that are dropped
 * in one turn at once. A collection for each 4 MiB of a crowd that is ended would hold everybody up for seconds.
 */
export function countDroppedBytes(bytes: number): void {
  uncollectedOld += bytes
  if (uncollectedOld < COLLECT_OLD_EVERY_BYTES || isCollectingOld) return
  isCollectingOld = true
  collect ??= exposeCollect()
  // Runs in a later turn, when all that this one drops has been dropped.
  void Promise.resolve(collect({ type: 'major', execution: 'async' })).then(() => {
    isCollectingOld = false
    uncollectedOld = 0
  })
}

function exposeCollect(): Collect {
  setFlagsFromString('--expose-gc')
  const found: Collect = runInNewContext('gc')
  return found
}
