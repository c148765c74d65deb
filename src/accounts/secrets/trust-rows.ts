import { randomBytes } from 'node:crypto'
import type { Selectable, Transaction } from 'kysely'
import { MAX_ACCOUNT_NAME_LENGTH } from '../../access/account-name.ts'
import { AccountError } from '../accounts.ts'
import type { AccountsSchema, RobotTrustTable } from '../schema.ts'
import type { Trust } from '../secrets.ts'

/** Trusts of one robot: each is compared with an ID token of its issuer. */
const MAX_TRUSTS = 20
const ID_BYTES = 6
/** First character of the id of a trust; that of a secret is hex. */
const TRUST_ID_BEGIN = 't'

/** True if a credential is that of a trust. */
export function isTrustCredential(credential: string): boolean {
  return credential.startsWith(TRUST_ID_BEGIN)
}

/** A row of the table of trusts. */
export type TrustRow = Selectable<RobotTrustTable>

/** The trust of a row. */
export function rowToTrust(row: TrustRow): Trust {
  return {
    name: row.name,
    issuer: row.issuer,
    audience: row.audience === '' ? undefined : row.audience,
    requiredClaims: JSON.parse(row.required_claims) as Record<string, string>,
    ca: row.ca === '' ? undefined : row.ca,
    jwks: row.jwks === '' ? undefined : row.jwks,
  }
}

/** Adds a trust of a robot in place of one of the same name, whose log-ins end. Errors: `AccountError` `TOO_MANY_TOKENS`. */
export async function addTrust(
  tx: Transaction<AccountsSchema>,
  { robotId, trust, now }: { robotId: number; trust: Trust; now: number },
): Promise<void> {
  await tx.deleteFrom('robot_trusts').where('robot_id', '=', robotId).where('name', '=', trust.name).execute()
  const others = await tx.selectFrom('robot_trusts').select('id').where('robot_id', '=', robotId).execute()
  if (others.length >= MAX_TRUSTS)
    throw new AccountError('TOO_MANY_TOKENS', `The robot has ${MAX_TRUSTS} trusts already`)
  await tx
    .insertInto('robot_trusts')
    .values({
      id: TRUST_ID_BEGIN + randomBytes(ID_BYTES).toString('hex'),
      robot_id: robotId,
      name: trust.name,
      issuer: trust.issuer,
      audience: trust.audience ?? '',
      required_claims: JSON.stringify(trust.requiredClaims),
      ca: trust.ca ?? '',
      jwks: trust.jwks ?? '',
      created_at: now,
      used_at: null,
      used_from: null,
    })
    .execute()
}

/** Errors: `AccountError` `TRUST_UNKNOWN`. @returns the trust that is gone. */
export async function removeTrust(
  tx: Transaction<AccountsSchema>,
  robot: { readonly id: number; readonly name: string },
  name: string,
): Promise<{ id: string }> {
  const row = await tx
    .selectFrom('robot_trusts')
    .select('id')
    .where('robot_id', '=', robot.id)
    .where('name', '=', name)
    .executeTakeFirst()
  if (!row)
    throw new AccountError(
      'TRUST_UNKNOWN',
      `The robot "${robot.name}" has no trust "${name.slice(0, MAX_ACCOUNT_NAME_LENGTH)}"`,
    )
  await tx.deleteFrom('robot_trusts').where('id', '=', row.id).execute()
  return row
}
