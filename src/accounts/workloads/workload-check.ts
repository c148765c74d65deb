import { hash } from 'node:crypto'
import type { Database, Queries } from '../../database/database.ts'
import { OciError } from '../../oci/errors.ts'
import { type Account, AccountError } from '../accounts.ts'
import type { AccountsSchema } from '../schema.ts'
import { EXPIRY_GRACE_MS } from '../secrets/secret-check.ts'
import { HOLDER_COLUMNS, type HolderRow, toHolder } from '../secrets/secret-rows.ts'
import { rowToTrust, type TrustRow } from '../secrets/trust-rows.ts'
import { createUseNotes } from '../secrets/use-notes.ts'
import { type Claims, findUnmet } from './claims.ts'
import { type FetchDocument, IssuerKeys, type OnIssuerFailure } from './issuer-keys.ts'
import { findIssuer, MAX_ID_TOKEN_LENGTH, verifyIdToken } from './verify-id-token.ts'

/** Dependencies of a check of ID tokens. */
interface WorkloadParts {
  readonly database: Database<AccountsSchema>
  readonly clock: () => number
  readonly fetchDocument: FetchDocument
  readonly onIssuerFailure: OnIssuerFailure
  /** Names of this registry as the claim `aud`, for trusts without one of their own. */
  readonly audiences: () => Promise<readonly string[]>
}

/** Checks ID tokens of CI systems in the place of passwords: a robot trusts their issuer and some of their claims. */
interface WorkloadCheck {
  /** The robot that trusts a token; any name may be sent with it. Errors: `AccountError` `TOKEN_REFUSED`. */
  verify(login: {
    name: string | undefined
    token: string
    remoteAddress?: string | undefined
  }): Promise<Account | undefined>
  /** The robot of a credential that {@link verify} has returned, while the trust is there. */
  find(name: string, credential: string): Promise<Account | undefined>
}

/** A trust with its robot. */
type HeldTrustRow = TrustRow & HolderRow

/** Makes the check over a database. */
export function createWorkloadCheck(parts: WorkloadParts): WorkloadCheck {
  const { database, clock } = parts
  const keys = new IssuerKeys({ fetch: parts.fetchDocument, clock, onFailure: parts.onIssuerFailure })
  const noteUse = createUseNotes(database, 'robot_trusts', clock)
  const findById = database.prepareFirst<HeldTrustRow>(
    selectTrusts(database.read).where('t.id', '=', '').compile(),
  )
  return {
    async verify({ name, token, remoteAddress }) {
      if (token.length > MAX_ID_TOKEN_LENGTH) return undefined
      const issuer = findIssuer(token)
      if (issuer === undefined) return undefined
      const rows = await selectTrusts(database.read).where('t.issuer', '=', issuer).execute()
      // As for a wrong password: strangers do not learn which issuers are trusted.
      if (rows.length === 0) return undefined
      const known = await findAccepted(parts, { token, rows, name })
      const { row, endsAt } = known ?? (await accept(token, { ...parts, keys, rows, name }))
      const account = toRobot(row)
      if (account.isDisabled)
        throw new AccountError('TOKEN_REFUSED', 'The robot of this ID token is disabled')
      if (!known) await keepAccepted(database, { token, trustId: row.id, now: clock(), endsAt })
      await noteUse(row, remoteAddress)
      return { ...account, endsAt }
    },
    async find(name, credential) {
      const row = await findById(credential.split('.', 1)[0] ?? '')
      const account = row && toRobot(row)
      return account?.name === name && !account.isDisabled ? account : undefined
    },
  }
}

function selectTrusts(read: Queries<AccountsSchema>) {
  return read
    .selectFrom('robot_trusts as t')
    .innerJoin('robots as r', 'r.id', 't.robot_id')
    .leftJoin('users as u', 'u.id', 'r.owner_id')
    .selectAll('t')
    .select(HOLDER_COLUMNS)
}

function toRobot(row: HeldTrustRow): Account {
  return toHolder(row, { id: `${row.id}.0`, limits: '' })
}

/** Verifies a token by the keys of its issuer, and chooses the robot. Errors: `AccountError` `TOKEN_REFUSED`. */
async function accept(
  token: string,
  parts: WorkloadParts & { keys: IssuerKeys; rows: readonly HeldTrustRow[]; name: string | undefined },
): Promise<{ row: HeldTrustRow; endsAt: number }> {
  const matches: { row: HeldTrustRow; claims: Claims & { exp: number } }[] = []
  let refusal: AccountError | undefined
  for (const row of parts.rows) {
    const trust = rowToTrust(row)
    const audiences = trust.audience === undefined ? await parts.audiences() : [trust.audience]
    try {
      const conditions = { keys: parts.keys, source: trust, audiences, nowMs: parts.clock() }
      const claims = await verifyIdToken(token, conditions)
      const unmet = findUnmet(claims, trust.requiredClaims)
      if (unmet === undefined) matches.push({ row, claims })
      else refusal = new AccountError('TOKEN_REFUSED', `No robot trusts this ID token: it ${unmet}`)
    } catch (error) {
      if (!(error instanceof AccountError)) throw error
      refusal ??= error
    }
  }
  const { row, claims } = chooseRobot(matches, parts.name, refusal)
  return { row, endsAt: claims.exp * 1_000 + EXPIRY_GRACE_MS }
}

/** The robot of the name that was sent, or the only one. Errors: `AccountError` `TOKEN_REFUSED`. */
function chooseRobot<M extends { readonly row: HeldTrustRow }>(
  matches: readonly M[],
  name: string | undefined,
  refusal: AccountError | undefined,
): M {
  const [first] = matches
  if (!first) throw refusal ?? new AccountError('TOKEN_REFUSED', 'No robot trusts this ID token')
  const named = matches.find(({ row }) => row.robot_name === name)
  if (named) return named
  const names = new Set(matches.map(({ row }) => row.robot_name))
  if (names.size === 1) return first
  throw new AccountError(
    'TOKEN_REFUSED',
    `Several robots trust this ID token: log in with the name of one, ${[...names].join(' or ')}`,
  )
}

/**
 * A token that was accepted before its end goes on for a while: a push outlasts it, and clients log in again meanwhile.
 * Undefined also if the name that was sent is another robot's that has the same issuer.
 */
async function findAccepted(
  { database, clock }: WorkloadParts,
  { token, rows, name }: { token: string; rows: readonly HeldTrustRow[]; name: string | undefined },
): Promise<{ row: HeldTrustRow; endsAt: number } | undefined> {
  const accepted = await database.read
    .selectFrom('accepted_id_tokens')
    .select(['trust_id', 'counts_until'])
    .where('hash', '=', hash('sha256', token))
    .where('counts_until', '>', clock())
    .executeTakeFirst()
  const row = accepted && rows.find(({ id }) => id === accepted.trust_id)
  const isOther = row?.robot_name !== name && rows.some((other) => other.robot_name === name)
  return row && !isOther ? { row, endsAt: accepted.counts_until } : undefined
}

/** Without it, as on a full disk, the token counts until its end. */
async function keepAccepted(
  database: Database<AccountsSchema>,
  { token, trustId, now, endsAt }: { token: string; trustId: string; now: number; endsAt: number },
): Promise<void> {
  const row = { hash: hash('sha256', token), trust_id: trustId, accepted_at: now, counts_until: endsAt }
  try {
    await database.transaction(async (tx) => {
      await tx.deleteFrom('accepted_id_tokens').where('counts_until', '<=', now).execute()
      await tx
        .insertInto('accepted_id_tokens')
        .values(row)
        .onConflict((conflict) => conflict.column('hash').doNothing())
        .execute()
    })
  } catch (error) {
    if (!(error instanceof OciError)) throw error
  }
}
