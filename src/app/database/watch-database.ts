import type { Logger } from 'pino'
import { OciError } from '../../oci/errors.ts'
import { runPeriodically } from '../../upkeep/run-periodically.ts'

/** Time between two checks, in milliseconds. */
const CHECK_MS = 5_000

/** The watched part of a database. */
interface Watched {
  readonly engine: 'sqlite' | 'postgres'
  check(): Promise<void>
}

/**
 * Checks the database also while no request needs it. An SQLite file that was replaced is then found and logged, by the
 * adapter; for a server of PostgreSQL the begin and the end of an outage are logged here, one line each.
 */
export function watchDatabase(
  database: Watched,
  { logger, everyMs = CHECK_MS }: { logger: Logger; everyMs?: number },
): AsyncDisposable {
  let downSince: number | undefined
  const onFailure = (error: unknown): void => {
    if (database.engine === 'sqlite' || downSince !== undefined) return
    downSince = performance.now()
    const reason = error instanceof OciError ? error.message : String(error)
    logger.error(
      { reason },
      'the database is out of use: requests that need it are answered with 503 until it is back',
    )
  }
  const check = async (): Promise<void> => {
    await database.check()
    if (downSince === undefined) return
    const seconds = Math.round((performance.now() - downSince) / 1_000)
    downSince = undefined
    logger.info({ seconds }, 'the database is in use again')
  }
  const watch = runPeriodically(check, { firstMs: everyMs, everyMs, onError: onFailure })
  return { [Symbol.asyncDispose]: () => watch.stop() }
}
