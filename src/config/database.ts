/** Checks of TLS to PostgreSQL, by libpq's names of `sslmode`. */
export const TLS_MODES = ['disable', 'require', 'verify-ca', 'verify-full'] as const
/** A mode of {@link TLS_MODES}. */
export type DatabaseTls = (typeof TLS_MODES)[number]

/** Place of the facts. */
export type DatabaseConfig = SqliteConfig | PostgresConfig

/** The file `berth.db` in the data folder. */
export interface SqliteConfig {
  readonly engine: 'sqlite'
}

/** A database of a PostgreSQL server. */
export interface PostgresConfig extends PostgresAddress {
  /** File with the password; read at each connection, so that a new password needs no restart. */
  readonly passwordFile: string | undefined
  /** Most connections of one process that serves, beside the one that listens for changes. */
  readonly maxConnections: number
  /** Server to listen at for changes, if not `host`: the one behind a pooler. `off`: none. */
  readonly listen: ListenTarget | 'off' | undefined
}

/** A PostgreSQL server itself. */
export interface ListenTarget {
  readonly host: string
  readonly port: number
}

/** Values of a `postgres://` URL. */
export interface PostgresAddress {
  readonly engine: 'postgres'
  /** Name or address of the server; with a leading slash, the folder of its Unix socket. */
  readonly host: string
  readonly port: number
  readonly user: string
  /** Undefined: the URL has none. */
  readonly password: string | undefined
  /** Name of the database. */
  readonly name: string
  readonly tls: DatabaseTls
  /** Certificates to trust the server by, PEM; undefined: those of the system. */
  readonly rootCertFile: string | undefined
}

/** PostgreSQL's default port. */
export const POSTGRES_PORT = 5432

/** The `database-listen` setting as it would be written. */
export function formatListen({ listen }: PostgresConfig): string | null {
  if (listen === undefined || listen === 'off') return listen ?? null
  return listen.host.includes(':') ? `[${listen.host}]:${listen.port}` : `${listen.host}:${listen.port}`
}

/** Text shown in place of a secret. */
export const MASK = '********'

/**
 * The `database` setting as written by an operator, with `shownPassword` in place of a password; undefined leaves it
 * out.
 */
export function formatDatabase(
  database: SqliteConfig | PostgresAddress,
  shownPassword: string | undefined,
): string {
  if (database.engine === 'sqlite') return 'sqlite'
  const { host, port, user, password, name, tls, rootCertFile } = database
  const secret = password === undefined || shownPassword === undefined ? '' : `:${shownPassword}`
  const place = host.includes(':') ? `[${host}]` : encodeURIComponent(host)
  const parameters = new URLSearchParams({ sslmode: tls })
  if (rootCertFile !== undefined) parameters.set('sslrootcert', rootCertFile)
  const target = `${place}:${port}/${encodeURIComponent(name)}`
  return `postgres://${encodeURIComponent(user)}${secret}@${target}?${parameters.toString().replaceAll('%2F', '/')}`
}
