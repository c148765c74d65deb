import { enqueue, type QueueKey } from '../../queries/collection-queue.ts'
import type { Writes } from '../../queries/repositories.ts'
import { KINDS, waitOf } from '../due-items.ts'
import type { Look } from './look-terms.ts'

/** Queues what a removal has set free. It is due at once: the look at it knows its own last use. */
export async function queueFreed(
  tx: Writes,
  keys: readonly QueueKey[],
  { now, policy, reason }: Pick<Look, 'now' | 'policy'> & { reason: string },
): Promise<void> {
  for (const kind of KINDS) {
    const some = keys.filter((key) => key.kind === kind)
    await enqueue(tx, some, { since: now - waitOf(kind, policy), reason })
  }
}
