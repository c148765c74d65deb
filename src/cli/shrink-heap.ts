import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** When, after the start, in milliseconds: what is done late in it has been done by then. */
const AFTER_MS = 1_000

/**
 * Has what starting left behind collected once, which takes some 40 ms. V8 collects when memory is asked for, and a
 * server that idles asks for none: it would keep the garbage of its start for ever, seven megabytes of it.
 */
export function shrinkHeapSoon(): void {
  setTimeout(() => {
    setFlagsFromString('--expose-gc')
    const collect: (options: { type: 'major'; flavor: 'last-resort' }) => void = runInNewContext('gc')
    collect({ type: 'major', flavor: 'last-resort' })
  }, AFTER_MS).unref()
}
