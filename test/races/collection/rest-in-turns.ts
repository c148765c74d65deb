import { syncBuiltinESMExports } from 'node:module'
import timers, { setImmediate as nextTurn } from 'node:timers/promises'

/**
 * Makes each rest of this process take one turn of the event loop for each millisecond, whatever the machine does
 * meanwhile: how much else happens during a rest then depends on the seed alone. For a process of its own.
 */
export function restInTurns(): void {
  timers.setTimeout = async <T>(ms = 1, value?: T): Promise<T> => {
    for (let turns = Math.max(1, Math.ceil(ms)); turns > 0; turns--) await nextTurn()
    return value as T
  }
  syncBuiltinESMExports()
}
