import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'

/** A server that serves. */
export interface RunningBerth {
  /** URLs of the listeners, with the ports the system chose, such as `http://127.0.0.1:5000`. */
  readonly urls: readonly string[]
  /** Set at the first start only: the administrator that was created, whose password is shown once and not kept. */
  readonly firstAdmin: { readonly name: string; readonly password: string } | undefined
  /** Stops taking connections, waits for requests under way up to the drain timeout, and closes all. */
  stop(): Promise<void>
}

/**
 * Starts the server of a configuration.
 * Errors: `AppError`, `DatabaseError`.
 */
export async function startBerth(_config: Config, _logger: Logger): Promise<RunningBerth> {
  throw new Error('not yet')
}
