import type { CostliestHash, HtpasswdAccount } from '../htpasswd/htpasswd-format.ts'
import type { HashVerifier } from '../passwords/hash-verifier.ts'
import { type PasswordCost, spendPasswordCheck, verifyPasswordHash } from '../passwords/password-hash.ts'
import type { KnownAccount } from '../users/account-lookup.ts'
import { remainingWork } from './remaining-work.ts'

/** Dependencies of a check of lines of htpasswd files. */
interface LineCheckParts {
  readonly verifier: HashVerifier
  /** The costliest hash of all the files a name may be in; undefined without any. */
  readonly costliest: CostliestHash | undefined
}

/**
 * True if the password is the account's; false for no account.
 *
 * A failure costs the same for every name: one argon2id, and the cost of {@link checkLine}.
 */
export async function checkPassword(
  known: KnownAccount | undefined,
  password: string,
  parts: LineCheckParts & { readonly cost: PasswordCost },
): Promise<boolean> {
  const { argon2Hash, line } = known ?? {}
  if (argon2Hash !== undefined && (await verifyPasswordHash(password, argon2Hash, parts.cost))) return true
  if (await checkLine(line, password, parts)) return true
  if (argon2Hash === undefined) await spendPasswordCheck(password, parts.cost)
  return false
}

/**
 * True if the password is that of a line of an htpasswd file; false for no line.
 *
 * A failure costs about as much as a check of the costliest hash, whatever the line holds.
 */
export async function checkLine(
  line: HtpasswdAccount | undefined,
  password: string,
  { verifier, costliest }: LineCheckParts,
): Promise<boolean> {
  if (line?.hash !== undefined && (await verifier.verify(password, line.hash))) return true
  if (costliest === undefined) return false
  for (const hash of remainingWork(costliest, line?.costUs ?? 0)) await verifier.verify(password, hash)
  return false
}
