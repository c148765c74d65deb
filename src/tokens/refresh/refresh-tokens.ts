import { hash, randomBytes } from 'node:crypto'
import type { Selectable, Transaction } from 'kysely'
import type { Database } from '../../database/database.ts'
import { OciError } from '../../oci/errors.ts'
import type { RefreshTokenTable, TokensSchema } from '../schema.ts'
import type { RefreshTokenService, TokenOwner } from '../tokens.ts'
import { createSuccessor, type Successor } from './successor.ts'

/** Life of a refresh token; after it, a new `docker login` is needed. */
export const REFRESH_TOKEN_LIFETIME_MS = 90 * 24 * 3_600_000
/** Log-ins kept of each account; the oldest ends when one more is added. CI logs in anew with each run. */
export const MAX_REFRESH_TOKENS_PER_USER = 100
/**
 * Time for which a token counts beside its successor, in milliseconds: pushes that began with it request access tokens
 * until they end, and machines that share a log-in do not change over at once.
 */
export const ROTATION_GRACE_MS = 3_600_000
/**
 * Older tokens that are kept of each log-in, to recognize an old copy: with one each five minutes those of three days.
 */
const MAX_SPENT_OF_LOGIN = 1_000
/** Shortest time between two writes of the time of use, in milliseconds. */
const USED_EVERY_MS = 3_600_000
/** Characters of an id: enough to distinguish the log-ins of one account. */
const ID_LENGTH = 12
/**
 * Clients whose token stays the same: Docker and, by containerd's library, nerdctl. Their token is in Docker's
 * config.json, where crane, oras, podman and others read it; crane goes on to the token that follows, and has nowhere
 * to keep it: the kept one must go on counting.
 */
const KEEPERS: ReadonlySet<string> = new Set(['docker', 'containerd-client'])
/** Characters kept of a client's name for itself: it is there for people to read. */
const MAX_CLIENT_ID_LENGTH = 128
/** Left out of it: they could change what a terminal shows, and PostgreSQL holds no NUL. */
const CONTROL_CHARACTERS = /\p{Cc}/gu
/** Identifies a token to people and to scanners for leaked secrets. */
const PREFIX = 'berth_rt_'
const TOKEN_BYTES = 32
const TOKEN = /^berth_rt_[A-Za-z0-9_-]{43}$/

/** Dependencies of a refresh token service. */
interface RefreshTokenOptions<A extends TokenOwner> {
  readonly database: Database<TokensSchema>
  /** The account if it exists and is enabled; a changed version means that its old tokens no longer count. */
  readonly findEnabled: (name: string, credential?: string | undefined) => MaybePromise<A | undefined>
  readonly onReuse?: OnTokenReuse
  /** Milliseconds since 1970. */
  readonly clock?: () => number
}

/** Called with each log-in that ended because a token was sent whose successor was in use. */
type OnTokenReuse = (reuse: { readonly name: string; readonly id: string }) => void

type MaybePromise<T> = T | Promise<T>

/** Makes the service of refresh tokens. The database holds only their hashes: 256 random bits need no slow one. */
export async function createRefreshTokenService<A extends TokenOwner>(
  options: RefreshTokenOptions<A>,
): Promise<RefreshTokenService<A>> {
  const { database, findEnabled, clock = database.now } = options
  const deriveSuccessor = await createSuccessor(database, PREFIX)
  const rotation = createRotation({ ...options, clock, deriveSuccessor })
  return {
    async issue(owner, clientId) {
      const token = PREFIX + randomBytes(TOKEN_BYTES).toString('base64url')
      const now = clock()
      const row = {
        id: hash('sha256', token).slice(0, ID_LENGTH),
        hash: hash('sha256', token),
        next_hash: hash('sha256', deriveSuccessor(token)),
        previous_hash: null,
        rotated_at: null,
        used_at: null,
        user_name: owner.name,
        user_version: owner.version,
        credential: owner.credential ?? null,
        client_id: clientId.replace(CONTROL_CHARACTERS, '').slice(0, MAX_CLIENT_ID_LENGTH),
        created_at: now,
        expires_at: Math.min(now + REFRESH_TOKEN_LIFETIME_MS, owner.endsAt ?? Number.POSITIVE_INFINITY),
      }
      await database.transaction(async (transaction) => {
        await transaction.insertInto('refresh_tokens').values(row).execute()
        await prune(transaction, row)
      })
      return token
    },

    async redeem(token) {
      if (!TOKEN.test(token)) return undefined
      const shown = hash('sha256', token)
      const row = await database.read
        .selectFrom('refresh_tokens')
        .selectAll()
        .where((eb) =>
          eb.or([eb('hash', '=', shown), eb('next_hash', '=', shown), eb('previous_hash', '=', shown)]),
        )
        .where('expires_at', '>', clock())
        .executeTakeFirst()
      if (!row) {
        await rotation.endIfSpent(shown)
        return undefined
      }
      const owner = await findEnabled(row.user_name, row.credential ?? undefined)
      if (owner?.version !== row.user_version) return undefined
      if (row.previous_hash === shown && rotation.isOver(row)) {
        await rotation.end(row)
        return undefined
      }
      await ignoreFullDisk(() => rotation.note(row, token))
      const successor = KEEPERS.has(row.client_id) ? token : deriveSuccessor(token)
      return { owner, successor }
    },
  }
}

type RefreshTokenRow = Selectable<RefreshTokenTable>

function createRotation(parts: {
  database: Database<TokensSchema>
  deriveSuccessor: Successor
  onReuse?: OnTokenReuse | undefined
  clock: () => number
}) {
  const { database, deriveSuccessor, clock, onReuse = () => {} } = parts
  /** Does nothing if the log-in has gone on meanwhile. */
  const update = async (row: RefreshTokenRow, values: Partial<RefreshTokenRow>): Promise<void> => {
    const used = { used_at: clock(), ...values }
    await database.transaction(async (tx) => {
      const { numUpdatedRows } = await tx
        .updateTable('refresh_tokens')
        .set(used)
        .where('id', '=', row.id)
        .where('hash', '=', row.hash)
        .executeTakeFirst()
      if (numUpdatedRows > 0n && values.hash !== undefined) await keepSpent(tx, row)
    })
  }
  const isPast = (time: number | null): boolean => time !== null && clock() - time >= ROTATION_GRACE_MS
  const end = async ({ id, user_name: name }: Pick<RefreshTokenRow, 'id' | 'user_name'>): Promise<void> => {
    await database.transaction((tx) => tx.deleteFrom('refresh_tokens').where('id', '=', id).execute())
    onReuse({ name, id })
  }
  return {
    isOver: ({ rotated_at: rotatedAt }: RefreshTokenRow): boolean => isPast(rotatedAt),
    end,

    /** Ends the log-in of a token older than its previous one, unless it was in use an hour ago. */
    async endIfSpent(shown: string): Promise<void> {
      const spent = await database.read
        .selectFrom('spent_refresh_tokens')
        .innerJoin('refresh_tokens', 'id', 'log_in')
        .select(['id', 'user_name', 'spent_at'])
        .where('spent_refresh_tokens.hash', '=', shown)
        .executeTakeFirst()
      if (spent && isPast(spent.spent_at)) await end(spent)
    },

    /** Moves on to the sent token, if it is the next one; otherwise notes its use. */
    async note(row: RefreshTokenRow, token: string): Promise<void> {
      const shown = hash('sha256', token)
      const next = hash('sha256', deriveSuccessor(token))
      if (row.next_hash === shown) {
        await update(row, {
          hash: shown,
          next_hash: next,
          previous_hash: row.hash,
          rotated_at: clock(),
        })
      } else if (row.hash === shown && row.next_hash === null) {
        await update(row, { next_hash: next })
      } else if (clock() - (row.used_at ?? 0) >= USED_EVERY_MS) {
        await update(row, {})
      }
    },
  }
}

/** Keeps the token before the one that has just been replaced, and the newest of those before it. */
async function keepSpent(transaction: Transaction<TokensSchema>, row: RefreshTokenRow): Promise<void> {
  const { id, previous_hash: previousHash, rotated_at: rotatedAt } = row
  if (previousHash === null || rotatedAt === null) return
  await transaction
    .insertInto('spent_refresh_tokens')
    .values({ hash: previousHash, log_in: id, spent_at: rotatedAt })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  await transaction
    .deleteFrom('spent_refresh_tokens')
    .where('log_in', '=', id)
    .where('hash', 'not in', (query) =>
      query
        .selectFrom('spent_refresh_tokens')
        .select('hash')
        .where('log_in', '=', id)
        .orderBy('spent_at', 'desc')
        .orderBy('hash')
        .limit(MAX_SPENT_OF_LOGIN),
    )
    .execute()
}

/** A good log-in succeeds even if nothing can be written: then the token is not replaced. */
async function ignoreFullDisk(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof OciError)) throw error
  }
}

/** Removes expired ones of all accounts, and the oldest of this account beyond the bound; never the one just added. */
async function prune(
  transaction: Transaction<TokensSchema>,
  added: { readonly hash: string; readonly user_name: string; readonly created_at: number },
): Promise<void> {
  await transaction.deleteFrom('refresh_tokens').where('expires_at', '<=', added.created_at).execute()
  await transaction
    .deleteFrom('refresh_tokens')
    .where('user_name', '=', added.user_name)
    .where('hash', '!=', added.hash)
    .where('hash', 'not in', (query) =>
      query
        .selectFrom('refresh_tokens')
        .select('hash')
        .where('user_name', '=', added.user_name)
        .where('hash', '!=', added.hash)
        .orderBy('created_at', 'desc')
        .orderBy('hash')
        .limit(MAX_REFRESH_TOKENS_PER_USER - 1),
    )
    .execute()
}
