import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Bytes received between two collections: what received chunks may hold at most beyond their use. From some 8 MiB on V8
 * begins to look through the whole heap, again and again, on all cores: that took half of the processor time of a push.
 */
const COLLECT_EVERY_BYTES = 4 * 1024 * 1024

type CollectMinor = (options: { type: 'minor'; execution: 'sync' }) => void

let collect: CollectMinor | undefined
let uncollected = 0

/**
 * Counts bytes that came in chunks which are garbage now, and has them collected from time to time.
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

function exposeCollect(): CollectMinor {
  setFlagsFromString('--expose-gc')
  const found: CollectMinor = runInNewContext('gc')
  return found
}
