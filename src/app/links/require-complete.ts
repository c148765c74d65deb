import type { AdoptResult } from '../../upkeep/adopt/adopt-tree.ts'
import { AppError } from '../faults/app-error.ts'

/** Errors: `AppError` `ADOPT_INCOMPLETE` if not all could be read. */
export function requireComplete({ state, notes }: Pick<AdoptResult, 'state' | 'notes'>): void {
  if (state !== 'incomplete') return
  const kinds = notes.map(({ kind, count }) => `${kind} ${count}`).join(', ')
  throw new AppError(
    'ADOPT_INCOMPLETE',
    `Not all of it could be read (${kinds}), so its links stay where they are, and no blob is removed`,
    'Mount what is missing, let this user read all of it, and run it again: what was taken over stays',
  )
}
