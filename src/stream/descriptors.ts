/**
 * Codes of errors that mean that this process or this machine has no descriptor left for another file, connection or
 * thread. They pass when others are closed.
 */
const NO_DESCRIPTOR: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE', 'ERR_WORKER_INIT_FAILED'])

/**
 * Seconds after which a client that was refused for lack of a descriptor may try again: requests end, and idle
 * connections are closed.
 */
export const DESCRIPTORS_RETRY_AFTER_S = 5

/** True if an error, or its cause, says that no descriptor was free. */
export function isOutOfDescriptors(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('code' in error && NO_DESCRIPTOR.has(error.code)) return true
  return error.cause !== undefined && error.cause !== error && isOutOfDescriptors(error.cause)
}
