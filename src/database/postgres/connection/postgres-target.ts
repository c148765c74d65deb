import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { type ConnectionOptions, getCACertificates } from 'node:tls'
import type { ClientConfig } from 'pg'
import { TYPE_PARSERS } from './type-parsers.ts'

/** Longest time to connect and log in, in ms. */
const CONNECT_TIMEOUT_MS = 5_000
/** Silence after which the system checks that the other side still exists, in ms. */
const KEEP_ALIVE_MS = 10_000
/** Default of the connections of one process. */
const DEFAULT_CONNECTIONS = 10
/** One for changes and one for reads: with a single one a read would wait for each transaction. */
const MIN_CONNECTIONS = 2

/** A database of a PostgreSQL server, and the way to reach it. */
export interface PostgresTarget {
  /** Name or address of the server; with a leading slash, the folder of its Unix socket. */
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password?: string | undefined
  /** File with the password; read at each connection, so that a new password needs no restart. */
  readonly passwordFile?: string | undefined
  /** Name of the database. */
  readonly name: string
  /** As `sslmode` of libpq: `require` encrypts and trusts anyone, `verify-ca` any server with a certificate of the CA. */
  readonly tls: 'disable' | 'require' | 'verify-ca' | 'verify-full'
  /** Certificates to trust the server by, PEM; undefined: those of the system. */
  readonly rootCertFile?: string | undefined
  /** Names its connections in the server's list of its activity; begins with `berth`. */
  readonly applicationName?: string | undefined
  /** Most connections of this process, beside the one that listens for changes. */
  readonly maxConnections?: number | undefined
  /**
   * Server to listen at for changes, if not `host`: the one behind a pooler that passes connections on between
   * transactions. `off`: none; rows are then remembered for a short time only.
   */
  readonly listen?: { readonly host: string; readonly port: number } | 'off' | undefined
}

/** Most connections in the pool of this target. */
export function poolSize({ maxConnections = DEFAULT_CONNECTIONS }: PostgresTarget): number {
  return Math.max(MIN_CONNECTIONS, maxConnections)
}

/** The target in the driver's form. Errors: those of reading the file of certificates. */
export function clientConfig(
  target: PostgresTarget,
  place: { host: string; port: number } = target,
): ClientConfig {
  return {
    host: place.host,
    port: place.port,
    user: target.user,
    password: toPassword(target),
    database: target.name,
    ssl: place.host.startsWith('/') ? false : tlsOptions(target),
    // The driver's default is read from the environment, and would refuse a connection without TLS.
    sslnegotiation: 'postgres',
    application_name: target.applicationName ?? 'berth',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    types: TYPE_PARSERS,
  }
}

/** Always a function: in place of an empty text the driver takes a password of the environment or of `~/.pgpass`. */
function toPassword({ password, passwordFile }: PostgresTarget): () => Promise<string> {
  if (passwordFile === undefined) return async () => password ?? ''
  return async () => (await readFile(passwordFile, 'utf8')).replace(/\r?\n$/, '')
}

function tlsOptions({ tls, rootCertFile }: PostgresTarget): ConnectionOptions | false {
  if (tls === 'disable') return false
  if (tls === 'require') return { rejectUnauthorized: false }
  const ca = rootCertFile === undefined ? systemCertificates() : readFileSync(rootCertFile, 'utf8')
  const trust = ca === undefined ? {} : { ca }
  return tls === 'verify-ca' ? { ...trust, checkServerIdentity: () => undefined } : trust
}

/** Undefined, for Node's own list, on a system without one. */
function systemCertificates(): string[] | undefined {
  const certificates = getCACertificates('system')
  return certificates.length > 0 ? certificates : undefined
}
