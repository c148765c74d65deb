import type { Generated } from 'kysely'

/** The tables of accounts, one interface each. Times are milliseconds since 1970 (UTC); flags are 0 or 1. */
export interface AccountsSchema {
  users: UserTable
  retired_names: RetiredNameTable
  login_places: LoginPlaceTable
  robots: RobotTable
  account_secrets: AccountSecretTable
  robot_trusts: RobotTrustTable
  accepted_id_tokens: AcceptedIdTokenTable
  invitations: InvitationTable
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
  /** Identity of a person of the directory, which checks their password; null: an account with a password here. */
  directory_id: Generated<string | null>
  /** Their groups in the directory at the last log-in: a JSON list of texts. */
  directory_groups: Generated<string>
}

/**
 * Name of a removed account whose repositories stayed. Only an account of the database can own them, by being given the
 * name or by taking it over; a line of an htpasswd file cannot.
 */
interface RetiredNameTable {
  name: string
  retired_at: number
}

/** An address from which a name has logged in: guesses from elsewhere do not make it wait there. */
interface LoginPlaceTable {
  /** SHA-256 of name and address, hex. */
  place: string
  /** SHA-256 of the name, hex. */
  who: string
  seen_at: number
}

/** An account of a machine; it has no password, and no account of the other kinds has its name. */
export interface RobotTable {
  id: Generated<number>
  name: string
  /** The user with whose rights it acts, and with whom it goes; null: it acts by rules about itself. */
  owner_id: number | null
  description: string
  /** JSON list of limits; empty: without limits. */
  limits: string
  is_disabled: number
  version: number
  created_at: number
}

/** Secret by which a user or a robot logs in; one of `user_id` and `robot_id` is set. */
export interface AccountSecretTable {
  /** Names the secret to people and in tokens. */
  id: string
  user_id: number | null
  robot_id: number | null
  /** Unique among those of a user; empty for that of a robot. */
  name: string
  /** JSON list of limits; empty: without limits. */
  limits: string
  /** SHA-256 of the secret, hex: the secret itself is not kept. */
  hash: string
  /** That of the secret before the last rotation, which counts until `previous_until`. */
  previous_hash: string | null
  previous_until: number | null
  created_at: number
  rotated_at: number | null
  /** Null: never. */
  expires_at: number | null
  /** Time of the last use, to within a quarter of an hour; null: never used. */
  used_at: number | null
  /** Address of that use, if it is known. */
  used_from: string | null
}

/** ID tokens by which a robot logs in without a secret: an issuer, and the claims that they must have. */
export interface RobotTrustTable {
  id: string
  robot_id: number
  /** Unique among those of a robot. */
  name: string
  /** The claim `iss`, exactly. */
  issuer: string
  /** The claim `aud`; empty: one of the names of this registry. */
  audience: string
  /** JSON object: patterns by the name of the claim. */
  required_claims: string
  /** PEM of the authorities of the issuer's certificate; empty: those of the system. */
  ca: string
  /** JWK Set of the issuer, JSON; empty: fetched from it. */
  jwks: string
  created_at: number
  used_at: number | null
  used_from: string | null
}

/** An ID token that was accepted: a push that began with it may go on for a while after its end. */
interface AcceptedIdTokenTable {
  /** SHA-256 of the token, hex. */
  hash: string
  trust_id: string
  accepted_at: number
  counts_until: number
}

/** Lets a person choose the password of an account once. */
interface InvitationTable {
  user_id: number
  /** SHA-256 of the secret in the link, hex. */
  hash: string
  created_at: number
  expires_at: number
}
