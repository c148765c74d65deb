import { OciError } from '../oci/errors.ts'
import type { UploadId } from '../oci/request.ts'

/** One request at a time for each upload session, so that two bodies never mix. */
export class UploadLocks {
  readonly #taken = new Set<UploadId>()

  /** Errors: `RANGE_INVALID` if another request is at work on the session; its client asks for the status and goes on. */
  take(id: UploadId): Disposable {
    if (this.#taken.has(id)) {
      throw new OciError('RANGE_INVALID', {
        message: 'Another request is adding to this upload session: ask for its status, then go on',
      })
    }
    this.#taken.add(id)
    return { [Symbol.dispose]: () => this.#taken.delete(id) }
  }
}
