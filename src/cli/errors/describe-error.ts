import { debuglog } from 'node:util'
import { toAppError } from '../../app/faults/system-fault.ts'
import { redactText } from '../../log/redact.ts'
import { NOT_PLAIN } from '../output/table.ts'
import { CLI_ERRORS, type CliErrorCode, EXIT } from './cli-error.ts'
import { sentence } from './sentence.ts'

/** A failure as a command reports it. */
interface ErrorReport {
  readonly code: string
  /** Fault and cause. */
  readonly message: string
  /** Remedy. */
  readonly remedy: string
  readonly exit: number
}

const debug = debuglog('berth')

/** Remedies of errors without one of their own, by code. `{name}` is the first name in quotes of the message. */
const REMEDIES: Readonly<Record<string, string>> = {
  UNAVAILABLE: 'Run "berth doctor": it says what is wrong with the database',
  SCHEMA_TOO_NEW:
    'Start the version of Berth that wrote it, or a newer one; the way back to this version is a backup that it made before the upgrade (docs/operations.md, "Upgrading")',
  SCHEMA_OLD:
    'Make a backup ("berth backup DIR"), then start the server of this version ("berth serve"), which updates it; or run the command of the former version',
  DATABASE_UNUSABLE: "Check the disk, and the owner and permissions of the data folder's files",
  NAME_INVALID: 'Choose another name',
  TAG_INVALID: 'Check the tag',
  DIGEST_INVALID: 'Check the digest',
  ALREADY_EXISTS: 'Choose another name, or change its password with "berth user passwd {name}"',
  NAME_TAKEN: 'Choose another name, or make the account their owner with "berth user add {name} --take-over"',
  UNKNOWN_ACCOUNT: 'Run "berth user list" to list those that exist',
  TOKEN_UNKNOWN: 'Run "berth token list {name}" to list those that exist',
  TOO_MANY_TOKENS: 'Remove one that is no longer used first',
  ROBOT_UNKNOWN: 'Run "berth robot list" to list those that exist',
  TRUST_INVALID: 'Correct the flags, then run it again',
  TRUST_UNKNOWN: 'Run "berth robot list --json" to list those that exist',
  PASSWORD_TOO_SHORT: 'Choose a longer one',
  PASSWORD_TOO_LONG: 'Choose a shorter one',
  DENIED: 'Let the operator of the registry change the rule that the message names',
  LAST_ADMIN: 'Make another administrator first, with "berth user add NAME --admin"',
  TOO_MANY_ATTEMPTS: 'Wait a little and try again',
  DIRECTORY_ACCOUNT: 'Change the password in the directory',
  DIRECTORY_UNREACHABLE: 'Check the settings ldap-* and the directory',
}

/** Codes of wrong calls of a command, beside those of {@link CLI_ERRORS}. */
const USAGE_CODES: ReadonlySet<string> = new Set([
  'CONFIG_UNREADABLE',
  'CONFIG_INVALID',
  'OPTION_UNKNOWN',
  'VALUE_INVALID',
  'VALUES_CONFLICT',
  'NAME_INVALID',
  'TAG_INVALID',
  'DIGEST_INVALID',
  'CERTIFICATE_NAME_INVALID',
  'CSR_LINE_INVALID',
  'POLICY_INVALID',
  'ACCESS_INVALID',
  'TRUST_INVALID',
])

/** Errors with a code and text for people; any other is a fault of the program. */
const CODED_ERRORS: ReadonlySet<string> = new Set([
  'CliError',
  'ConfigError',
  'AppError',
  'CertificateError',
  'DatabaseError',
  'CopyError',
  'BackupError',
  'AccountError',
  'OciError',
  'RegistryError',
  'AcmeError',
  'PolicyError',
  'AccessError',
])

/**
 * Turns any error into a command's report; the only such place. Errors are distinguished by name and code, not by
 * class: the commands do not import the parts that some of them come from.
 */
export function describeError(thrown: unknown): ErrorReport {
  debug('%o', thrown)
  const error = isCoded(thrown) ? thrown : toAppError(thrown, 'file')
  if (!isCoded(error)) return describeFault(error)
  const { code, message } = error
  const [, name = 'NAME'] = /"([^"]+)"/.exec(message) ?? []
  return {
    code,
    message,
    remedy:
      findDiskRemedy(error) ??
      error.remedy ??
      REMEDIES[code]?.replace('{name}', name) ??
      "Look at the server's log",
    exit: findExit(code),
  }
}

/** Remedies for a full or read-only disk: those of the errors of a certificate folder are about paths and rights. */
function findDiskRemedy({ code, cause }: CodedError): string | undefined {
  if (code !== 'CERTIFICATE_FOLDER_UNUSABLE' || isAboutPath(cause)) return undefined
  const fault = toAppError(cause, 'file')
  return isCoded(fault) ? `${fault.message}. ${fault.remedy}` : undefined
}

function isAboutPath(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && PATH_ERRNOS.has(String(cause.code))
}

const PATH_ERRNOS: ReadonlySet<string> = new Set([
  'EACCES',
  'EPERM',
  'ENOENT',
  'ENOTDIR',
  'EISDIR',
  'EEXIST',
  'ELOOP',
])

/** One line: `error[CODE]: what, why, what to do`. */
export function formatError({ code, message, remedy }: ErrorReport): string {
  return `error[${code}]: ${sentence(message)} ${sentence(remedy)}`
    .replace(/\s*\n\s*/g, ' ')
    .replace(NOT_PLAIN, ' ')
}

interface CodedError extends Error {
  readonly code: string
  readonly remedy?: string
}

function isCoded(error: unknown): error is CodedError {
  return error instanceof Error && CODED_ERRORS.has(error.name) && 'code' in error
}

function describeFault(error: unknown): ErrorReport {
  const message = error instanceof Error ? error.message : String(error)
  return { code: 'INTERNAL', message: redactText(message), ...CLI_ERRORS.INTERNAL }
}

function findExit(code: string): number {
  if (code in CLI_ERRORS) return CLI_ERRORS[code as CliErrorCode].exit
  return USAGE_CODES.has(code) ? EXIT.usage : EXIT.failed
}
