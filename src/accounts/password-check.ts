import type { KnownAccount } from './account-lookup.ts'
import type { BcryptVerifier } from './bcrypt.ts'
import { spendPasswordCheck, verifyPasswordHash } from './password-hash.ts'

/**
 * True if the password is the account's; false for no account.
 *
 * A failure costs the same whoever was asked for: one argon2id, and one bcrypt of the htpasswd file's highest cost if
 * there is such a file. (A line of a lower cost fails sooner; `htpasswd` gives all lines the same.)
 */
export async function checkPassword(
  known: KnownAccount | undefined,
  password: string,
  bcrypt: { verifier: BcryptVerifier; highestCost: number | undefined },
): Promise<boolean> {
  const { argon2Hash, bcryptHash } = known ?? {}
  if (argon2Hash !== undefined && (await verifyPasswordHash(password, argon2Hash))) return true
  if (bcryptHash !== undefined && (await bcrypt.verifier.verify(password, bcryptHash))) return true
  if (argon2Hash === undefined) await spendPasswordCheck(password)
  if (bcryptHash === undefined && bcrypt.highestCost !== undefined) {
    await bcrypt.verifier.verify(password, dummyBcryptHash(bcrypt.highestCost))
  }
  return false
}

/** A well-formed hash of no known password. */
function dummyBcryptHash(cost: number): string {
  return `$2b$${String(cost).padStart(2, '0')}$${'.'.repeat(53)}`
}
