import { randomBytes } from 'node:crypto'
import { isAccountName, MAX_ACCOUNT_NAME_LENGTH } from '../../access/account-name.ts'
import { AccountError } from '../accounts.ts'
import type { PersonalToken } from '../secrets.ts'
import type { SecretRow } from './secret-rows.ts'
import { createSecret, hashSecret, type SecretKind } from './secret-text.ts'

/** Bytes of an id: enough to tell the secrets of one registry apart. */
const ID_BYTES = 6

/** Columns of a secret that its text gives. */
interface SecretColumns {
  readonly id: string
  readonly hash: string
  readonly created_at: number
  readonly expires_at: number | null
}

/** Makes a secret, which is to be shown, and the columns of its row. */
export function makeSecret(
  kind: SecretKind,
  { now, expiresAt }: { now: number; expiresAt: Date | undefined },
): { secret: string; columns: SecretColumns } {
  const secret = createSecret(kind)
  const id = randomBytes(ID_BYTES).toString('hex')
  const columns = {
    id,
    hash: hashSecret(secret),
    created_at: now,
    expires_at: expiresAt?.getTime() ?? null,
  }
  return { secret, columns }
}

/** Columns of a secret that is replaced by another one; the one so far counts for the overlap. */
export function rotateColumns(
  row: Pick<SecretRow, 'hash' | 'expires_at'>,
  {
    kind,
    now,
    rotation,
  }: { kind: SecretKind; now: number; rotation: { overlapMs: number; expiresAt?: Date | undefined } },
) {
  const secret = createSecret(kind)
  const hasOverlap = rotation.overlapMs > 0
  const columns = {
    hash: hashSecret(secret),
    previous_hash: hasOverlap ? row.hash : null,
    previous_until: hasOverlap ? now + rotation.overlapMs : null,
    rotated_at: now,
    expires_at: rotation.expiresAt?.getTime() ?? row.expires_at,
  }
  return { secret, columns }
}

/** Errors: `AccountError` `NAME_INVALID`. */
export function checkSecretName(name: string, what: 'token' | 'robot' | 'trust'): void {
  if (isAccountName(name)) return
  throw new AccountError(
    'NAME_INVALID',
    `The name of a ${what} has lower-case letters and digits, with single separators (. _ -) between them, and at most ${MAX_ACCOUNT_NAME_LENGTH} characters`,
  )
}

/** The part of a list that all secrets have. */
export function describeSecret(row: SecretRow): Omit<PersonalToken, 'name' | 'user' | 'limits'> {
  return {
    id: row.id,
    createdAt: new Date(row.created_at),
    expiresAt: toDate(row.expires_at),
    rotatedAt: toDate(row.rotated_at),
    previousUntil: toDate(row.previous_until),
    usedAt: toDate(row.used_at),
    usedFrom: row.used_from ?? undefined,
  }
}

/** A time of a row. */
export function toDate(ms: number | null): Date | undefined {
  return ms === null ? undefined : new Date(ms)
}
