import { hash, randomBytes } from 'node:crypto'
import type { Transaction } from 'kysely'
import type { Database } from '../metadata/database.ts'
import type { RefreshTokenTable, Schema } from '../metadata/schema.ts'
import type { RefreshTokenService } from './tokens.ts'

/** Life of a refresh token; after it, `docker login` is due again. */
export const REFRESH_TOKEN_LIFETIME_MS = 90 * 24 * 3_600_000
/** Log-ins kept of each account; the oldest ends when one more is added. CI logs in anew with each run. */
export const MAX_REFRESH_TOKENS_PER_USER = 100
/** Kept of what the client calls itself, in characters: it is there for people to read. */
const MAX_CLIENT_ID_LENGTH = 128
/** Says what it is to whoever finds one, and to scanners for leaked secrets. */
const PREFIX = 'berth_rt_'
const TOKEN_BYTES = 32
const TOKEN = /^berth_rt_[A-Za-z0-9_-]{43}$/

/** What a refresh token service is made of. */
export interface RefreshTokenOptions {
  readonly database: Database
  /** The account if it exists and is enabled; its version tells whether it is still the one the token was issued to. */
  readonly findEnabled: (name: string) => MaybePromise<{ readonly version: string } | undefined>
  /** Milliseconds since 1970. */
  readonly clock?: () => number
}

type MaybePromise<T> = T | Promise<T>

/** Makes the service of refresh tokens. The database holds only their hashes: 256 random bits need no slow one. */
export function createRefreshTokenService(options: RefreshTokenOptions): RefreshTokenService {
  const { database, findEnabled, clock = Date.now } = options
  return {
    async issue(owner, clientId) {
      const token = PREFIX + randomBytes(TOKEN_BYTES).toString('base64url')
      const now = clock()
      const row = {
        hash: hash('sha256', token),
        user_name: owner.name,
        user_version: owner.version,
        client_id: clientId.slice(0, MAX_CLIENT_ID_LENGTH),
        created_at: now,
        expires_at: now + REFRESH_TOKEN_LIFETIME_MS,
      }
      await database.writer.transaction().execute(async (transaction) => {
        await transaction.insertInto('refresh_tokens').values(row).execute()
        await prune(transaction, row)
      })
      return token
    },

    async redeem(token) {
      if (!TOKEN.test(token)) return undefined
      const row = await database.reader
        .selectFrom('refresh_tokens')
        .select(['user_name', 'user_version'])
        .where('hash', '=', hash('sha256', token))
        .where('expires_at', '>', clock())
        .executeTakeFirst()
      if (!row) return undefined
      const account = await findEnabled(row.user_name)
      return account?.version === row.user_version ? row.user_name : undefined
    },
  }
}

/** Expired ones of all accounts, and the oldest of this account beyond the bound; never the one just added. */
async function prune(transaction: Transaction<Schema>, added: RefreshTokenTable): Promise<void> {
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
