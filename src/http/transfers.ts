import { OciError } from '../oci/errors.ts'
import { MAX_TRANSFERS } from '../stream/buffer-budget.ts'
import { FairShare } from './fair-share.ts'

/** Seconds after which a client that was turned away may try again. */
const RETRY_AFTER_S = 5

const shares = new FairShare(MAX_TRANSFERS)

/**
 * Counts a transfer of an account in, until it is disposed of: one account must not take all there may be at once.
 * Errors: `TOOMANYREQUESTS`.
 */
export function enterTransfer(account: string): Disposable {
  if (!shares.take(account, 1)) {
    throw new OciError('TOOMANYREQUESTS', {
      message: 'Too many transfers of this account are under way: wait until some end, then try again',
      retryAfterS: RETRY_AFTER_S,
    })
  }
  return { [Symbol.dispose]: () => shares.give(account, 1) }
}
