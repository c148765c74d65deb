import type { Logger } from 'pino'
import { OciError } from '../../oci/errors.ts'

/**
 * Logs a request that failed without its client's fault. A failure with a code is a known one, such as a database out of
 * reach, and may come with every request: it gets a short line. Any other is a bug, and its stack is logged.
 */
export function logFailure(logger: Logger, error: unknown, id: string): void {
  if (error instanceof OciError && error.code !== 'UNKNOWN') {
    const { code, message: reason, cause } = error
    logger.error({ id, code, reason, cause: describeCause(cause) }, 'request failed')
  } else logger.error({ err: error, id }, 'request failed')
}

/** The code and the text of the first call that failed, without a stack. */
function describeCause(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return cause === undefined ? undefined : String(cause)
  if (cause.cause instanceof Error) return describeCause(cause.cause)
  const code = 'code' in cause ? String(cause.code) : cause.name
  return cause.message === '' ? code : `${code}: ${cause.message}`
}
