import type { Generated } from 'kysely'

/** The tables of accounts, one interface each. Times are milliseconds since 1970 (UTC); flags are 0 or 1. */
export interface AccountsSchema {
  users: UserTable
  retired_names: RetiredNameTable
  login_places: LoginPlaceTable
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
