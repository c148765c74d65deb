import { MIN_KEPT, openFileLimit } from '../../front-door/listen/sockets/open-file-limit.ts'
import { AppError } from './app-error.ts'

/**
 * A time before the first version, in milliseconds since 1970. A clock that shows an earlier one is wrong: machines without a
 * battery begin in 1970 until they have the time of the network.
 */
const EARLIEST_TIME_MS = Date.UTC(2026, 0, 1)
/** Files for a few visitors, beside those that Berth keeps for itself. */
const LEAST_VISITOR_FILES = 16

/** Least number of files that a command may open: with its threads, its libraries and an SQLite database it takes some 30. */
const LEAST_COMMAND_FILES = 48

/** Checks the machine before a command opens the database. Errors: `AppError` `OUT_OF_FILES`. */
export function requireFiles(openFiles: number | undefined = openFileLimit()): void {
  if (openFiles !== undefined && openFiles < LEAST_COMMAND_FILES)
    throw outOfFiles(openFiles, `${LEAST_COMMAND_FILES} are the least with which commands work`)
}

/**
 * Checks the machine before a start makes anything. Errors: `AppError` `CLOCK_WRONG`, as tokens and certificates would be
 * invalid; `OUT_OF_FILES` if no visitor could be served.
 */
export function requireMachine(
  now: number = Date.now(),
  openFiles: number | undefined = openFileLimit(),
): void {
  if (now < EARLIEST_TIME_MS) {
    throw new AppError(
      'CLOCK_WRONG',
      `The clock of this machine shows ${new Date(now).toISOString()}, which is before Berth existed: certificates and log-ins would be invalid`,
      'Set the clock, such as with "timedatectl set-ntp true", and start again',
    )
  }
  const least = MIN_KEPT + LEAST_VISITOR_FILES
  if (openFiles !== undefined && openFiles < least)
    throw outOfFiles(openFiles, `${least} are the least with which Berth serves anybody`)
}

function outOfFiles(openFiles: number, why: string): AppError {
  return new AppError(
    'OUT_OF_FILES',
    `This process may open ${openFiles} files, and ${why}`,
    'Raise the limit: "ulimit -n 65536" in the shell, LimitNOFILE=65536 in a systemd unit, --ulimit nofile=65536 with Docker',
  )
}
