import { OciError } from '../../../oci/errors.ts'

/** Seconds after which a request that failed for a fault of the database may be tried again. */
const RETRY_AFTER_S = 5

const READ_ONLY = '25006'
const READ_ONLY_MESSAGE = 'it can only be read: it is a standby, or was made read-only'
/** It was dropped, or is being restored, under a server that runs; or the `search_path` of the user was changed. */
const NO_TABLES = 'tables of Berth are missing from it'

/** Codes of PostgreSQL (Appendix A of its manual) that mean the server or its machine, not the query. */
const UNUSABLE: ReadonlyMap<string, string> = new Map([
  [READ_ONLY, READ_ONLY_MESSAGE],
  ['25P03', 'a transaction stood still for too long'],
  ['28000', 'it refuses the user'],
  ['28P01', 'it refuses the password'],
  ['3D000', 'there is no such database'],
  ['3F000', NO_TABLES],
  ['42501', 'the user lacks a permission'],
  ['42P01', NO_TABLES],
  ['53200', 'it is out of memory'],
  ['53300', 'it has too many connections'],
  ['55P03', 'a lock was not to be had in time'],
  ['57014', 'it took too long'],
  ['57P01', 'it is stopping'],
  ['57P02', 'it is starting again after a crash'],
  ['57P03', 'it is starting or stopping'],
  ['57P04', 'it was dropped'],
  ['57P05', 'it ended a connection that was not used'],
  ['58030', 'its disk failed'],
  ['XX001', 'it is damaged'],
  ['XX002', 'it is damaged'],
])
const DISK_FULL = '53100'
/** Class of failures of a connection, as a pooler reports them, too. */
const CONNECTION_CLASS = /^08/

/** Codes with which the system or Node reports a connection that cannot be made, or is lost. */
const LOST: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTCONN',
  'ENOBUFS',
  'EADDRNOTAVAIL',
  'EPROTO',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAI_FAIL',
  'ENOENT',
  'EACCES',
  'EMFILE',
  'ENFILE',
])
/** Messages of the driver without a code. */
const LOST_MESSAGE =
  /^(?:Connection terminated|timeout e|Query read timeout|Client has encountered a connection error|Client was closed|The server does not support SSL|There was an error establishing an SSL)/

/** Conflicts of transactions that ran at once, after which one of them is to be run again. */
const CONFLICTS: ReadonlySet<string> = new Set(['40001', '40P01'])
/** Codes that may come of a race, too: the other transaction has made or removed a row that this one did not see. */
const DOUBTFUL_CONFLICTS: ReadonlySet<string> = new Set(['23505', '23503'])

/** `certain`: a race for sure. `doubtful`: perhaps one, perhaps a mistake of the program. */
export type ConflictKind = 'certain' | 'doubtful'

/** The transaction conflicts with another one. */
export class ConflictError extends Error {
  override readonly name = 'ConflictError'
  readonly kind: ConflictKind

  constructor(kind: ConflictKind, cause: unknown) {
    super('Another transaction came first', { cause })
    this.kind = kind
  }
}

/** The conflict that an error is or was caused by; undefined if there is none. */
export function findConflict(error: unknown): ConflictError | undefined {
  if (error instanceof ConflictError) return error
  return error instanceof Error && error.cause !== undefined ? findConflict(error.cause) : undefined
}

/** Code of PostgreSQL, of the system or of Node. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** True if a connection was lost or never made, so that the outcome at the server is unknown. */
export function isLost(error: unknown): boolean {
  const code = codeOf(error)
  if (code !== undefined) return LOST.has(code) || CONNECTION_CLASS.test(code) || /^57P0[1-5]$/.test(code)
  return error instanceof Error && LOST_MESSAGE.test(error.message)
}

/**
 * True if nothing can be written over this connection. Another one may be able to: that the sessions of a database only
 * read, as providers set it while its disk is full, is fixed when a session begins.
 */
export function isReadOnly(error: unknown): boolean {
  return codeOf(error) === READ_ONLY
}

/** Turns a failure of the server, or on the way to it, into the client's error; any other error is unchanged. */
export function toPostgresFault(error: unknown): unknown {
  const code = codeOf(error) ?? ''
  if (code === DISK_FULL) {
    return new OciError('STORAGE_FULL', {
      message:
        "The disk of this registry's database is full: nothing was changed. Try again once its operator has freed space",
      cause: error,
    })
  }
  if (CONFLICTS.has(code)) return new ConflictError('certain', error)
  if (DOUBTFUL_CONFLICTS.has(code)) return new ConflictError('doubtful', error)
  const why = UNUSABLE.get(code) ?? (isLost(error) || isTls(error) ? 'it cannot be reached' : undefined)
  return why === undefined
    ? error
    : unavailable(`The database of this registry cannot be used: ${why}`, error)
}

/** Errors: `OciError` `UNAVAILABLE` if no transaction can change anything; `value` is that of `transaction_read_only`. */
export function refuseReadOnly(value: unknown): void {
  if (value === 'on') throw unavailable(`The database of this registry cannot be used: ${READ_ONLY_MESSAGE}`)
}

/** The database cannot be used now. */
export function unavailable(message: string, cause?: unknown): OciError {
  return new OciError('UNAVAILABLE', { message, retryAfterS: RETRY_AFTER_S, cause })
}

/** True if the certificate of the server was refused (tls of Node, OpenSSL's X509_V_ERR). */
export function isTls(error: unknown): boolean {
  const code = codeOf(error) ?? ''
  return /^(?:ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA)/.test(
    code,
  )
}
