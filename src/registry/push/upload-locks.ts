import { OciError } from '../../oci/errors.ts'
import type { UploadId } from '../../oci/request.ts'

/** One request at a time for each upload session, so that two bodies never mix. */
export interface UploadTurns {
  /**
   * Errors: `RANGE_INVALID` if another request is at work on the session; its client requests the status and goes on.
   */
  take(id: UploadId): AsyncDisposable | Promise<AsyncDisposable>
}

/** The turns of the sessions that one process serves alone. */
export class UploadLocks implements UploadTurns {
  readonly #taken = new Set<UploadId>()

  take(id: UploadId): AsyncDisposable {
    if (this.#taken.has(id)) throw sessionInUse()
    this.#taken.add(id)
    return {
      [Symbol.asyncDispose]: async () => {
        this.#taken.delete(id)
      },
    }
  }
}

/** Another request is at work on the session. */
export function sessionInUse(): OciError {
  return new OciError('RANGE_INVALID', {
    message: 'Another request is adding to this upload session: get its status, then go on',
  })
}
