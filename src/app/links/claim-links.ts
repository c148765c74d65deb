import { join } from 'node:path'
import { AppError } from '../faults/app-error.ts'
import { takeFileLock } from '../folders/data-folder.ts'

/** Name of the file that is locked in the data folder while links are taken over or written. */
const LINKS_LOCK = 'adopt.lock'

/**
 * Keeps others from taking over or writing the links of a data folder, until it is disposed: each renames folders that the other reads.
 * Errors: `AppError` `ADOPT_BUSY`.
 */
export function claimLinks(dataDir: string): Disposable {
  const lock = takeFileLock(join(dataDir, LINKS_LOCK), 0)
  if (lock) return lock
  throw new AppError(
    'ADOPT_BUSY',
    `Another "berth adopt" or "berth leave" is at work on ${dataDir} at the moment`,
    'Wait for its end, then run it again: it takes over what is new since',
  )
}
