import { OciError } from '../oci/errors.ts'

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** Runs a write and turns a failure of the system into the answer a client gets. */
export async function translatingFaults<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    throw toStorageFault(error)
  }
}

/** ENOSPC and its kin become `STORAGE_FULL`, other system errors `UNAVAILABLE`; what is no system error stays. */
export function toStorageFault(error: unknown): unknown {
  const code = systemCodeOf(error)
  if (code === undefined) return error
  if (FULL.has(code)) {
    return new OciError('STORAGE_FULL', {
      message: 'The storage of this registry is full: nothing was stored. Free space, then push again',
      cause: error,
    })
  }
  return new OciError('UNAVAILABLE', {
    message: `The storage of this registry failed (${code}): nothing was stored`,
    cause: error,
  })
}

/** The code of a system error such as `ENOENT`; undefined for any other value. */
export function systemCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('syscall' in error)) return undefined
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
