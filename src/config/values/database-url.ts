import { isAbsolute } from 'node:path'
import type { ZodType } from 'zod'
import {
  type DatabaseTls,
  type ListenTarget,
  POSTGRES_PORT,
  type PostgresAddress,
  type SqliteConfig,
  TLS_MODES,
} from '../database.ts'
import { ANY_ADDRESS } from '../listen-address.ts'
import { suggest } from './suggest.ts'
import { parseAddress } from './values.ts'
import { z } from './zod.ts'

/** Supported parameters of a URL, by libpq's names. */
const PARAMETERS = ['sslmode', 'sslrootcert'] as const
/** Longest URL, in characters: names of users and databases have 63 bytes at most, passwords seldom more. */
const MAX_URL_LENGTH = 2048

/**
 * The `database` setting: `sqlite`, or a `postgres://` URL. Errors of a URL show no part of it, as each part may be a
 * piece of an unencoded password.
 */
export const databaseUrl: ZodType<SqliteConfig | PostgresAddress> = z
  .string('must be sqlite or a postgres:// URL')
  .transform((value, context) => {
    if (value === 'sqlite') return { engine: 'sqlite' as const }
    const read = readDatabaseUrl(value)
    if (typeof read !== 'string') return read
    context.addIssue(read)
    return z.NEVER
  })

/** Address of PostgreSQL itself behind a pooler: `host:port` or `off`. */
export const listenTarget: ZodType<ListenTarget | 'off'> = z
  .string('must be host:port or off')
  .transform((value, context) => {
    if (value === 'off') return 'off' as const
    const address = parseAddress(value)
    if (address && address.path === undefined && address.host !== ANY_ADDRESS && address.port > 0)
      return address
    context.addIssue('must be host:port or off')
    return z.NEVER
  })

/** The port of a URL with a database. */
const PORT = /:\d+(?=\/[^/@]*$)/

/** Reads a `postgres://` URL. @returns the fault of a wrong one, as text that follows the name of the setting. */
export function readDatabaseUrl(text: string): PostgresAddress | string {
  if (!/^postgres(?:ql)?:\/\//i.test(text)) return 'must be sqlite or a postgres:// URL'
  if (text.length > MAX_URL_LENGTH) return `must have at most ${MAX_URL_LENGTH} characters`
  const url = URL.parse(text)
  if (!url && URL.parse(text.replace(PORT, ''))) return 'must have a port from 1 to 65535'
  const parts = url && decodeParts(url)
  if (!url || !parts || url.hash !== '')
    return 'is no URL: write the characters : / ? # @ % and [ of a user or password as %3A %2F %3F %23 %40 %25 and %5B'
  const { host, user, password, name } = parts
  if (host.includes(',')) return 'must name one host'
  if (host === '') return 'must name a host: for a Unix socket its folder, with %2F for each slash'
  if (user === '') return 'must name a user before the host'
  if (name === '' || url.pathname.includes('/', 1)) return 'must name one database after the host'
  const tls = readTls(url.searchParams, host)
  if (typeof tls === 'string') return tls
  const port = url.port === '' ? POSTGRES_PORT : Number(url.port)
  if (port === 0) return 'must have a port from 1 to 65535'
  return { engine: 'postgres', host, port, user, password, name, ...tls }
}

type Parts = Pick<PostgresAddress, 'host' | 'user' | 'password' | 'name'>

/** Undefined if a part holds a % that begins no byte, or a control character. */
function decodeParts({ hostname, username, password, pathname }: URL): Parts | undefined {
  try {
    const parts = {
      host: decodeURIComponent(hostname).replace(/^\[|\]$/g, ''),
      user: decodeURIComponent(username),
      password: password === '' ? undefined : decodeURIComponent(password),
      name: decodeURIComponent(pathname.replace(/^\//, '')),
    }
    return /\p{Cc}/u.test(Object.values(parts).join('')) ? undefined : parts
  } catch {
    return undefined
  }
}

function readTls(
  parameters: URLSearchParams,
  host: string,
): Pick<PostgresAddress, 'tls' | 'rootCertFile'> | string {
  for (const [name] of parameters) {
    if (PARAMETERS.some((known) => known === name)) {
      if (parameters.getAll(name).length > 1) return `must have the parameter ${name} once only`
      continue
    }
    // An unknown name may be a piece of a password with a ? in it: only a known name near it is shown.
    const near = suggest(name, PARAMETERS)
    return `has a parameter that is not known${near ? `: did you mean ${near}?` : `; known are ${PARAMETERS.join(' and ')}`}`
  }
  const mode = parameters.get('sslmode') ?? (isOnThisMachine(host) ? 'disable' : 'verify-full')
  if (!isTlsMode(mode))
    return `must have one of ${TLS_MODES.join(', ')} as sslmode: others would go without TLS unnoticed`
  const file = parameters.get('sslrootcert') ?? undefined
  if (file === undefined || file === 'system') return { tls: mode, rootCertFile: undefined }
  if (!isAbsolute(file)) return 'must have an absolute path, or system, as sslrootcert'
  if (mode === 'disable' || mode === 'require')
    return 'must have verify-ca or verify-full as sslmode where it has sslrootcert'
  return { tls: mode, rootCertFile: file }
}

/** True for a server on this machine: only connections that leave it are encrypted by default. */
function isOnThisMachine(host: string): boolean {
  return host.startsWith('/') || host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host)
}

function isTlsMode(mode: string): mode is DatabaseTls {
  return TLS_MODES.some((known) => known === mode)
}
