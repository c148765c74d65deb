import type { Call, CallKind, Fault, UnsyncedWrites } from './call-watch.ts'

/** Errors of a call, by its kind. */
const CODES: Readonly<Record<CallKind, readonly string[]>> = {
  read: ['EIO'],
  write: ['ENOSPC', 'EIO'],
  sync: ['EIO', 'ENOSPC'],
  name: ['ENOSPC', 'EIO'],
  statement: ['SQLITE_BUSY', 'SQLITE_FULL', 'SQLITE_IOERR'],
  commit: ['SQLITE_FULL', 'SQLITE_IOERR'],
}

const UNSYNCED: readonly UnsyncedWrites[] = ['kept', 'lost', 'names-kept', 'some']

/** All faults of an operation that makes these calls. */
export function listFaults(calls: readonly Call[]): Fault[] {
  const faults = calls.flatMap(({ kind }, index): Fault[] => {
    const at = index + 1
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
