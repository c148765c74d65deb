import { setTimeout as sleep } from 'node:timers/promises'
import { ConflictError, type ConflictKind, findConflict, unavailable } from '../connection/postgres-fault.ts'
import type { TransactionGate } from './transaction-gate.ts'

/**
 * Most runs of one transaction that conflicts each time. A doubtful conflict that stays one after a few runs is a
 * mistake of the program, and its error is thrown on.
 */
const MAX_RUNS: Readonly<Record<ConflictKind, number>> = { certain: 30, doubtful: 6 }
/** Longest pause before the second run, in ms; it doubles with each. */
const FIRST_PAUSE_MS = 4
/** Longest pause before any run, in ms. */
const MAX_PAUSE_MS = 250

/** Queues of the transactions of one process. */
interface TransactionLanes {
  /** As many at once as there are connections for. */
  readonly gate: TransactionGate
  /** One at a time: those that had a conflict. Side by side they would mostly conflict with each other again. */
  readonly again: TransactionGate
}

/**
 * Runs `work` in a serializable transaction, again after each conflict. Errors: those of `work`; `OciError`
 * `UNAVAILABLE` after too many conflicts.
 */
export async function runTransaction<R>(
  runOnce: () => Promise<R>,
  { gate, again }: TransactionLanes,
): Promise<R> {
  const first = await attempt(() => gate.pass(runOnce))
  if (!(first instanceof ConflictError)) return first
  return again.pass(async () => {
    for (let run = 2; ; run++) {
      await sleep(pauseMs(run))
      const result = await attempt(() => gate.pass(runOnce))
      if (!(result instanceof ConflictError)) return result
      if (run >= MAX_RUNS[result.kind]) throw givenUp(result)
    }
  })
}

/** Errors: all but conflicts, which are returned. */
async function attempt<R>(runOnce: () => Promise<R>): Promise<R | ConflictError> {
  try {
    return await runOnce()
  } catch (error) {
    const conflict = findConflict(error)
    if (conflict === undefined) throw error
    return conflict
  }
}

/** Random, up to a bound that grows: transactions that conflicted once should not meet again. */
function pauseMs(run: number): number {
  return Math.random() * Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (run - 2))
}

function givenUp(conflict: ConflictError): unknown {
  if (conflict.kind === 'doubtful') return conflict.cause
  return unavailable('The database of this registry is too busy with other changes', conflict)
}
