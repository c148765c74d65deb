import type { EngineName } from '../../../src/database/database.ts'
import type { Call, CallKind, Fault, UnsyncedWrites } from './call-watch.ts'

/** Errors of a call, by its kind. */
const CODES: Readonly<Record<CallKind, readonly string[]>> = {
  read: ['EIO'],
  write: ['ENOSPC', 'EIO'],
  sync: ['EIO', 'ENOSPC'],
  name: ['ENOSPC', 'EIO'],
  statement: ['SQLITE_BUSY', 'SQLITE_FULL', 'SQLITE_IOERR'],
  commit: ['SQLITE_FULL', 'SQLITE_IOERR'],
  query: [],
}

const UNSYNCED: readonly UnsyncedWrites[] = ['kept', 'lost', 'names-kept', 'some']

/** All faults of an operation that makes these calls. With a server those of files are left out: they are the same. */
export function listFaults(engine: EngineName, calls: readonly Call[]): Fault[] {
  const faults = calls.flatMap(({ kind }, index): Fault[] => {
    const at = index + 1
    if (engine === 'postgres') return kind === 'query' ? listLosses(at) : []
    const failing = CODES[kind].map((code): Fault => ({ at, how: 'fail', code }))
    // Before a call that changes nothing the files are as before the next one that does.
    const ends: readonly UnsyncedWrites[] = kind === 'read' ? [] : kind === 'statement' ? ['kept'] : UNSYNCED
    const ending = ends.map((unsynced): Fault => ({ at, how: 'end', unsynced }))
    if (kind !== 'write') return [...failing, ...ending]
    const halves = UNSYNCED.map((unsynced): Fault => ({ at, how: 'end-half-way', unsynced }))
    return [...failing, ...ending, ...halves, { at, how: 'short' }]
  })
  const last = UNSYNCED.map((unsynced): Fault => ({ at: calls.length + 1, how: 'end', unsynced }))
  return [...faults, ...last]
}

/** Losses of a connection at a query, and of the process: with its power, or without. */
function listLosses(at: number): Fault[] {
  return [
    { at, how: 'cut' },
    { at, how: 'cut-after' },
    { at, how: 'end', unsynced: 'kept' },
    { at, how: 'end', unsynced: 'lost' },
  ]
}
