import type { KnownAccount } from './account-lookup.ts'
import type { HashVerifier } from './hash-verifier.ts'
import type { CostliestHash, HtpasswdAccount } from './htpasswd-format.ts'
import { spendPasswordCheck, verifyPasswordHash } from './password-hash.ts'
import { remainingWork } from './remaining-work.ts'

/** What lines of htpasswd files are checked with. */
export interface LineCheckParts {
  readonly verifier: HashVerifier
  /** The costliest hash of all the files a name may stand in; undefined without any. */
  readonly costliest: CostliestHash | undefined
}

/**
 * True if the password is the account's; false for no account.
 *
 * A failure costs the same whoever was asked for: one argon2id, and what {@link checkLine} costs.
 */
export async function checkPassword(
  known: KnownAccount | undefined,
  password: string,
  parts: LineCheckParts,
): Promise<boolean> {
  const { argon2Hash, line } = known ?? {}
  if (argon2Hash !== undefined && (await verifyPasswordHash(password, argon2Hash))) return true
  if (await checkLine(line, password, parts)) return true
  if (argon2Hash === undefined) await spendPasswordCheck(password)
  return false
}

/**
 * True if the password is that of a line of an htpasswd file; false for no line.
 *
 * A failure costs about what a check of the costliest hash does, whatever stands in the line.
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
