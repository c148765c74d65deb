import type { JWK } from 'jose'
import { calculateJwkThumbprint } from 'jose/jwk/thumbprint'
import { exportJWK } from 'jose/key/export'
import { generateKeyPair } from 'jose/key/generate/keypair'
import { importJWK } from 'jose/key/import'
import type { Transaction } from 'kysely'
import type { Database, FirstRow } from '../../database/database.ts'
import type { TokensSchema } from '../schema.ts'

/** The one algorithm of access tokens: asymmetric, short signatures, fast to sign. */
export const TOKEN_ALGORITHM = 'ES256'
/** Age at which a key is replaced. */
export const KEY_MAX_AGE_MS = 90 * 24 * 3_600_000
/** Time for which a retired key is kept in the database; no token lives as long. */
const KEY_KEPT_MS = 7 * 24 * 3_600_000
/** Imported keys kept in memory: there are as many as rotations within {@link KEY_KEPT_MS}. */
const MAX_IMPORTED_KEYS = 8
/** RFC 7638: a SHA-256 in base64url. */
const KID = /^[A-Za-z0-9_-]{43}$/

/** A key of this registry, ready for use. */
interface TokenKey {
  readonly kid: string
  readonly privateKey: CryptoKey
  readonly publicKey: CryptoKey
  readonly publicJwk: Record<string, unknown>
}

interface KeyRow {
  readonly kid: string
  readonly private_jwk: string
  readonly created_at: number
  readonly retired_at: number | null
}

/**
 * The keys that sign access tokens, in the database for all processes. They are read each time, which costs a tenth of
 * a signature, so a key made, retired or removed by another process counts at once.
 */
export class SigningKeys {
  readonly #database: Database<TokensSchema>
  readonly #clock: () => number
  /** Time for which a retired key still verifies, in milliseconds. */
  readonly #graceMs: number
  readonly #imported = new Map<string, TokenKey>()
  readonly #findNewest: FirstRow<KeyRow>
  readonly #findById: FirstRow<KeyRow>

  constructor(options: { database: Database<TokensSchema>; clock: () => number; graceMs: number }) {
    this.#database = options.database
    const { prepareFirst } = options.database
    this.#findNewest = prepareFirst<KeyRow>(
      this.#rows().where('retired_at', 'is', null).orderBy('created_at', 'desc').compile(),
    )
    this.#findById = prepareFirst<KeyRow>(this.#rows().where('kid', '=', '').compile())
    this.#clock = options.clock
    this.#graceMs = options.graceMs
  }

  /** The key that signs now; made if there is none, or none young enough. Concurrent processes get the same. */
  async signing(): Promise<TokenKey> {
    const row = await this.#findNewest()
    return this.#import(row && !this.#isTooOld(row) ? row : await this.#replace())
  }

  /** The key of this id if it may verify: it signs now, or did until a token lifetime ago. */
  async verifying(kid: string): Promise<TokenKey | undefined> {
    if (!KID.test(kid)) return undefined
    const row = await this.#findById(kid)
    return row && this.#mayVerify(row) ? this.#import(row) : undefined
  }

  /** All keys that may verify, newest first; at least one. */
  async all(): Promise<TokenKey[]> {
    await this.signing()
    const rows = await this.#rows().orderBy('created_at', 'desc').execute()
    return Promise.all(rows.filter((row) => this.#mayVerify(row)).map((row) => this.#import(row)))
  }

  #rows() {
    return this.#database.read.selectFrom('token_keys').selectAll()
  }

  #isTooOld(row: KeyRow): boolean {
    return this.#clock() - row.created_at >= KEY_MAX_AGE_MS
  }

  #mayVerify(row: KeyRow): boolean {
    return row.retired_at === null || this.#clock() < row.retired_at + this.#graceMs
  }

  async #replace(): Promise<KeyRow> {
    const fresh = await makeKey(this.#clock())
    return this.#database.transaction(async (transaction) => {
      const current = await transaction
        .selectFrom('token_keys')
        .selectAll()
        .where('retired_at', 'is', null)
        .orderBy('created_at', 'desc')
        .executeTakeFirst()
      if (current && !this.#isTooOld(current)) return current
      await this.#retireAll(transaction)
      await transaction.insertInto('token_keys').values(fresh).execute()
      return fresh
    })
  }

  async #retireAll(transaction: Transaction<TokensSchema>): Promise<void> {
    const now = this.#clock()
    await transaction
      .updateTable('token_keys')
      .set({ retired_at: now })
      .where('retired_at', 'is', null)
      .execute()
    await transaction
      .deleteFrom('token_keys')
      .where('retired_at', '<', now - KEY_KEPT_MS)
      .execute()
  }

  async #import(row: KeyRow): Promise<TokenKey> {
    const known = this.#imported.get(row.kid)
    if (known) return known
    const key = await importKey(row)
    if (this.#imported.size >= MAX_IMPORTED_KEYS) this.#imported.clear()
    this.#imported.set(row.kid, key)
    return key
  }
}

async function makeKey(now: number): Promise<KeyRow> {
  const { privateKey } = await generateKeyPair(TOKEN_ALGORITHM, { extractable: true })
  const jwk = await exportJWK(privateKey)
  return {
    kid: await calculateJwkThumbprint(jwk, 'sha256'),
    private_jwk: JSON.stringify(jwk),
    created_at: now,
    retired_at: null,
  }
}

async function importKey(row: KeyRow): Promise<TokenKey> {
  const privateJwk: JWK = JSON.parse(row.private_jwk)
  const { kty, crv, x, y } = privateJwk
  const publicPart = { kty, crv, x, y }
  return {
    kid: row.kid,
    privateKey: await importCryptoKey(privateJwk),
    publicKey: await importCryptoKey(publicPart as JWK),
    publicJwk: { ...publicPart, kid: row.kid, alg: TOKEN_ALGORITHM, use: 'sig' },
  }
}

async function importCryptoKey(jwk: JWK): Promise<CryptoKey> {
  const key = await importJWK(jwk, TOKEN_ALGORITHM)
  if (key instanceof Uint8Array)
    throw new Error('The table token_keys holds a secret where a key pair belongs')
  return key
}
