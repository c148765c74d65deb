import { OciError } from '../oci/errors.ts'
import { isOutOfDescriptors } from '../stream/descriptors.ts'

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])
/** Seconds after which a request that failed for a fault of the machine may be tried again. */
const RETRY_AFTER_S = 5

/** Runs a write and turns a failure of the system into the client's error. `outcome`: as of {@link toStorageFault}. */
export async function translatingFaults<T>(
  write: () => Promise<T>,
  outcome = 'nothing was stored',
): Promise<T> {
  try {
    return await write()
  } catch (error) {
    throw toStorageFault(error, outcome)
  }
}

/**
 * ENOSPC and its kin become `STORAGE_FULL`, other system errors `UNAVAILABLE`; any other error is unchanged. `outcome`
 * is the result of the request, as the end of a sentence.
 */
export function toStorageFault(error: unknown, outcome: string): unknown {
  const first = firstOf(error)
  const code = systemCodeOf(first)
  if (code === undefined) return first
  if (FULL.has(code)) {
    return new OciError('STORAGE_FULL', {
      message: `The storage of this registry is full: ${outcome}. Try again once its operator has freed space`,
      cause: first,
    })
  }
  const why = isOutOfDescriptors(first)
    ? `has too many files and connections open (${code})`
    : `cannot use its storage (${code})`
  return new OciError('UNAVAILABLE', {
    message: `This registry ${why}: ${outcome}. Try again in a moment`,
    retryAfterS: RETRY_AFTER_S,
    cause: first,
  })
}

/** The first failure, if closing a file failed after it. */
function firstOf(error: unknown): unknown {
  return error instanceof SuppressedError ? firstOf(error.suppressed) : error
}

/** True if an error says that there is no such file, or that something on its path is no folder. */
export function isAbsent(error: unknown): boolean {
  const code = systemCodeOf(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}

/** The code of a system error such as `ENOENT`; undefined for any other value. */
export function systemCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('syscall' in error)) return undefined
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
