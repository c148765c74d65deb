import { setImmediate as nextTurn } from 'node:timers/promises'

/**
 * Lets other requests be served before the next batch of one manifest: a database within the process answers at once,
 * so that batches alone would not. In a transaction, too: readers do not wait for it.
 */
export function betweenBatches(): Promise<void> {
  return nextTurn()
}
