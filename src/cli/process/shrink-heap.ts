import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Time of the collection after the start, in milliseconds: late steps of the start are done by then. */
const AFTER_MS = 1_000

/**
 * Collects the garbage of the start once, which takes some 40 ms. V8 collects only when memory is allocated, and an
 * idle server allocates none: it would keep the garbage of its start for ever, seven megabytes of it.
 */
export function shrinkHeapSoon(): void {
  setTimeout(() => {
    setFlagsFromString('--expose-gc')
    const collect: (options: { type: 'major'; flavor: 'last-resort' }) => void = runInNewContext('gc')
    collect({ type: 'major', flavor: 'last-resort' })
  }, AFTER_MS).unref()
}
