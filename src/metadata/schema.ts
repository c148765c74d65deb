import type { Generated } from 'kysely'

/**
 * The tables, one interface each. Times are milliseconds since 1970 (UTC); flags are 0 or 1.
 * A row never points at bytes that are not yet durable.
 */
export interface Schema {
  repositories: RepositoryTable
  blobs: BlobTable
  repository_blobs: RepositoryBlobTable
  manifests: ManifestTable
  manifest_references: ManifestReferenceTable
  tags: TagTable
  uploads: UploadTable
  users: UserTable
  retired_names: RetiredNameTable
  login_places: LoginPlaceTable
  refresh_tokens: RefreshTokenTable
  spent_refresh_tokens: SpentRefreshTokenTable
  token_keys: TokenKeyTable
  settings: SettingTable
}

export interface RepositoryTable {
  id: Generated<number>
  name: string
  created_at: number
}

/** Content the store holds, once for all repositories. */
export interface BlobTable {
  digest: string
  size: number
  created_at: number
}

/** The right to read a blob through a repository. */
export interface RepositoryBlobTable {
  repository_id: number
  digest: string
  created_at: number
}

export interface ManifestTable {
  repository_id: number
  digest: string
  media_type: string
  artifact_type: string | null
  subject: string | null
  /** JSON object of strings, for the referrers list. */
  annotations: string | null
  size: number
  /** As pushed, never made anew. */
  bytes: Uint8Array
  created_at: number
}

/** What a manifest names. */
export interface ManifestReferenceTable {
  repository_id: number
  manifest_digest: string
  kind: 'blob' | 'child'
  digest: string
}

export interface TagTable {
  repository_id: number
  name: string
  digest: string
  updated_at: number
}

/** An upload session. */
export interface UploadTable {
  id: string
  repository: string
  /** Id of the account that opened it; the only one that may go on. */
  principal: string
  /** Bytes that are durable. */
  offset: number
  /** What the store of bytes needs to go on from there; only that store reads it. */
  state: string
  created_at: number
  updated_at: number
}

export interface UserTable {
  id: Generated<number>
  name: string
  /** PHC string of argon2id. */
  password_hash: string
  is_admin: number
  is_disabled: number
  /** Grows with each change that must end log-ins: password, rights, disabling. */
  version: number
  created_at: number
  /** Names of removed accounts whose repositories it owns beside those of its own name: a JSON list of texts. */
  held_names: Generated<string>
}

/**
 * Name of a removed account whose repositories stayed. Only accounts of the database own them, by being given the name or
 * by taking it over; a line of an htpasswd file does not.
 */
export interface RetiredNameTable {
  name: string
  retired_at: number
}

/** An address from which a name has logged in: guesses from elsewhere do not make it wait there. */
export interface LoginPlaceTable {
  /** SHA-256 of name and address, hex. */
  place: string
  /** SHA-256 of the name, hex. */
  who: string
  seen_at: number
}

/** What `docker login` keeps instead of the password. */
export interface RefreshTokenTable {
  /** Names the log-in to people. */
  id: Generated<string>
  /** SHA-256 of the token that is in use, hex: the token itself is not kept. */
  hash: string
  /** That of the token that follows it; null: not made yet. */
  next_hash: string | null
  /** That of the token before it, if the client has gone on to this one at `rotated_at`. */
  previous_hash: string | null
  rotated_at: number | null
  /** When it was redeemed last, within an hour. */
  used_at: number | null
  user_name: string
  /** The account's version when it was issued: another one ends it. */
  user_version: string
  client_id: string
  created_at: number
  expires_at: number
}

/** A refresh token that lies further back than the one before the current; it goes with its log-in. */
export interface SpentRefreshTokenTable {
  /** SHA-256 of the token, hex. */
  hash: string
  /** Id of the log-in. */
  log_in: string
  /** When the client went on to the next one. */
  spent_at: number
}

/** Keys that sign access tokens. */
export interface TokenKeyTable {
  kid: string
  /** JWK, JSON. */
  private_jwk: string
  created_at: number
  /** After this time it no longer signs; it verifies for one token lifetime more. */
  retired_at: number | null
}

export interface SettingTable {
  name: string
  value: string
}
