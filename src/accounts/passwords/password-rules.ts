import { AccountError } from '../accounts.ts'

/** Shortest password, in characters: NIST SP 800-63B. */
const MIN_PASSWORD_CHARACTERS = 8
/** Longest password, in bytes of UTF-8: far above any pass phrase, and a header holds no more than a few KiB. */
const MAX_PASSWORD_BYTES = 1_024

/** Checks a password for an account. Errors: `AccountError` `PASSWORD_TOO_SHORT`, `PASSWORD_TOO_LONG`. */
export function checkNewPassword(password: string): void {
  if ([...password].length < MIN_PASSWORD_CHARACTERS) {
    throw new AccountError(
      'PASSWORD_TOO_SHORT',
      `A password has at least ${MIN_PASSWORD_CHARACTERS} characters`,
    )
  }
  if (Buffer.byteLength(password) > MAX_PASSWORD_BYTES) {
    throw new AccountError('PASSWORD_TOO_LONG', `A password has at most ${MAX_PASSWORD_BYTES} bytes`)
  }
}

/** False for a password that no account of any source can have: an empty or an overlong one. */
export function isPossiblePassword(password: string): boolean {
  return password !== '' && Buffer.byteLength(password) <= MAX_PASSWORD_BYTES
}
