import { DatabaseError } from '../../database.ts'
import { codeOf, isLost, isTls } from './postgres-fault.ts'
import type { PostgresTarget } from './postgres-target.ts'

/** The oldest supported version of PostgreSQL, and its number in the server's form. */
const LEAST_VERSION = '15'
const LEAST_VERSION_NUMBER = 150_000

/** The database cannot be opened; with the remedy. */
export class PostgresStartError extends DatabaseError {
  readonly remedy: string

  constructor(message: string, remedy: string, cause?: unknown) {
    super('DATABASE_UNUSABLE', message, cause)
    this.remedy = remedy
  }
}

/** Facts of a server. */
export interface ServerFacts {
  readonly versionNumber: number
  readonly version: string
  readonly isStandby: boolean
  readonly encoding: string
  /** Schema that gets new tables; null: none of the `search_path` exists. */
  readonly schema: string | null
}

/** Errors: `PostgresStartError` if this server cannot hold the facts. */
export function requireUsable({ versionNumber, version, isStandby, encoding, schema }: ServerFacts): void {
  if (versionNumber < LEAST_VERSION_NUMBER) {
    throw new PostgresStartError(
      `PostgreSQL ${version} is too old: ${LEAST_VERSION} is the oldest version that Berth works with`,
      'Upgrade the server',
    )
  }
  if (isStandby) {
    throw new PostgresStartError(
      'The PostgreSQL server is a standby, which can only be read',
      'Name the primary in the database setting',
    )
  }
  if (encoding !== 'UTF8') {
    throw new PostgresStartError(
      `The database has the encoding ${encoding}, which cannot hold every text`,
      "Make one with: create database NAME encoding 'UTF8' template template0",
    )
  }
  if (schema === null) {
    throw new PostgresStartError(
      'The search_path of the user names no schema that exists and that it may use',
      'Make the schema, or take the setting back: alter role NAME reset search_path (also where it is set for one database, or for all)',
    )
  }
}

/** Meaning of a failed start, and the remedy. A `DatabaseError` is unchanged. */
export function toStartError(error: unknown, target: PostgresTarget): DatabaseError {
  if (error instanceof DatabaseError) return error
  const cause = firstCause(error)
  const found = ROWS.find(({ is }) => is(cause))
  const place = placeOf(target)
  if (found) return new PostgresStartError(found.what(target, place), found.remedy(target), cause)
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new PostgresStartError(
    `The database at ${place} cannot be opened: ${reason}`,
    "Look at PostgreSQL's log",
    cause,
  )
}

/** The error of the driver or the system, below the port's own. */
function firstCause(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? firstCause(error.cause) : error
}

function placeOf({ host, port }: PostgresTarget): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** A server without room on its disk gives up a connection with no code for that. */
function isNoSpace(cause: unknown): boolean {
  return cause instanceof Error && /^could not write init file|No space left on device/.test(cause.message)
}

interface StartErrorRow {
  readonly is: (cause: unknown) => boolean
  readonly what: (target: PostgresTarget, place: string) => string
  readonly remedy: (target: PostgresTarget) => string
}

/** The first that matches. No row shows the server's text: it may repeat what it got. */
const ROWS: readonly StartErrorRow[] = [
  {
    // A folder can be opened, and not read.
    is: (cause) =>
      cause instanceof Error &&
      'syscall' in cause &&
      (codeOf(cause) === 'EISDIR' || ('path' in cause && cause.syscall === 'open')),
    what: (target) =>
      `The ${target.rootCertFile === undefined ? 'file of the database password' : 'file of the database password or of its certificates (sslrootcert)'} cannot be read`,
    remedy: () => 'Check its path, and whether the user that runs Berth may read it',
  },
  {
    is: (cause) =>
      cause instanceof Error && /^SASL: .*password must be a (?:non-empty )?string/.test(cause.message),
    what: ({ user }, place) =>
      `PostgreSQL at ${place} demands a password of the user "${user}", and none is given`,
    remedy: () =>
      'Give it with --database-password-file, or the whole URL with BERTH_DATABASE: a server does not pass on to commands the password of its URL',
  },
  {
    // The driver says "SASL: …" where it cannot check the server's proof.
    is: (cause) =>
      ['28P01', '28000'].includes(codeOf(cause) ?? '') ||
      (cause instanceof Error && cause.message.startsWith('SASL')),
    what: ({ user, name }, place) =>
      `PostgreSQL at ${place} does not let the user "${user}" into the database "${name}"`,
    remedy: () =>
      'Check user and password of the database setting, and the line for them in pg_hba.conf of the server (it may demand TLS)',
  },
  {
    is: (cause) => codeOf(cause) === '3D000',
    what: ({ name }, place) => `PostgreSQL at ${place} has no database "${name}"`,
    remedy: ({ name, user }) =>
      `Make it, as the server's administrator: create database ${name} owner ${user}`,
  },
  {
    is: (cause) => codeOf(cause) === '42501',
    what: ({ name, user }) => `The user "${user}" may not make tables in the database "${name}"`,
    remedy: ({ name, user }) => `Let it own the database: alter database ${name} owner to ${user}`,
  },
  {
    is: (cause) => codeOf(cause) === '53300',
    what: ({ user }, place) => `PostgreSQL at ${place} has no connection left for the user "${user}"`,
    remedy: () =>
      "Raise max_connections of the server, or the user's connection limit (alter role … connection limit); or lower database-pool or workers of the servers of Berth",
  },
  {
    is: (cause) => codeOf(cause) === '53100' || isNoSpace(cause),
    what: (_target, place) => `The disk of PostgreSQL at ${place} is full`,
    remedy: () => 'Free space on it',
  },
  {
    is: (cause) => codeOf(cause) === '25006',
    what: ({ name }) => `The database "${name}" can only be read, and its schema has to be made or changed`,
    remedy: ({ name, user }) =>
      `Turn default_transaction_read_only off: alter database ${name} reset default_transaction_read_only, or the same of the role ${user} or of the server`,
  },
  {
    is: (cause) => codeOf(cause) === 'CERT_HAS_EXPIRED',
    what: (_target, place) => `The certificate of PostgreSQL at ${place}, or that of its CA, has expired`,
    remedy: () => 'Give the server a new one',
  },
  {
    is: (cause) => ['ENOTFOUND', 'EAI_AGAIN'].includes(codeOf(cause) ?? ''),
    what: ({ host }) => `The name ${host} of the PostgreSQL server has no address`,
    remedy: () => 'Check the name in the database setting, and whether DNS answers',
  },
  {
    is: (cause) => codeOf(cause) === 'ERR_TLS_CERT_ALTNAME_INVALID',
    what: ({ host }, place) => `The certificate of PostgreSQL at ${place} does not name ${host}`,
    remedy: () =>
      'Use the name that the certificate has as the host, or sslmode=verify-ca, which trusts any server with a certificate of that CA',
  },
  {
    is: isTls,
    what: (_target, place) => `The certificate of PostgreSQL at ${place} is not trusted`,
    remedy: ({ rootCertFile }) =>
      rootCertFile === undefined
        ? 'Give the certificate of its CA with sslrootcert=/path/to/ca.pem in the database setting'
        : 'Check whether the file of sslrootcert holds the certificate of the CA that issued it, and whether it is still valid',
  },
  {
    is: (cause) => cause instanceof Error && /does not support SSL/.test(cause.message),
    what: (_target, place) => `PostgreSQL at ${place} speaks no TLS`,
    remedy: () =>
      'Turn it on (ssl = on in postgresql.conf), or write sslmode=disable where nobody else can listen on the way there',
  },
  {
    is: isLost,
    what: (_target, place) => `PostgreSQL at ${place} cannot be reached`,
    remedy: () => 'Check whether it runs and listens there, and whether a firewall is in the way',
  },
]
