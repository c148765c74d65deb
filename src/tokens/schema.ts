import type { Generated } from 'kysely'

/** The tables of tokens, one interface each. Times are milliseconds since 1970 (UTC). */
export interface TokensSchema {
  refresh_tokens: RefreshTokenTable
  spent_refresh_tokens: SpentRefreshTokenTable
  token_keys: TokenKeyTable
  settings: SettingTable
}

/** Token that `docker login` keeps instead of the password. */
export interface RefreshTokenTable {
  /** Names the log-in to people. */
  id: Generated<string>
  /** SHA-256 of the token in use, hex: the token itself is not kept. */
  hash: string
  /** That of the token that follows it; null: not made yet. */
  next_hash: string | null
  /** That of the token before it, if the client has gone on to this one at `rotated_at`. */
  previous_hash: string | null
  rotated_at: number | null
  /** Time of the last use, to within an hour. */
  used_at: number | null
  user_name: string
  /** The account's version at the issue: another one ends it. */
  user_version: string
  /** The secret or trust by which the account logged in; null: its password. */
  credential: string | null
  client_id: string
  created_at: number
  expires_at: number
}

/** A refresh token older than the one before the current; it goes with its log-in. */
interface SpentRefreshTokenTable {
  /** SHA-256 of the token, hex. */
  hash: string
  /** Id of the log-in. */
  log_in: string
  /** Time at which the client went on to the next one. */
  spent_at: number
}

/** Keys that sign access tokens. */
interface TokenKeyTable {
  kid: string
  /** JWK, JSON. */
  private_jwk: string
  created_at: number
  /** After this time it no longer signs; it verifies for one token lifetime more. */
  retired_at: number | null
}

/** A value that a registry makes at first use and keeps. */
interface SettingTable {
  name: string
  value: string
}
