/** Exit codes: 0 done, 1 failed, 2 wrong usage. */
export const EXIT = { done: 0, failed: 1, usage: 2 } as const

/** Failures that only the commands know, with their remedy. The other codes are those of the parts they call. */
export const CLI_ERRORS = {
  USAGE: { exit: EXIT.usage, remedy: 'Run it with --help to see what it takes' },
  PASSWORD_MISSING: {
    exit: EXIT.usage,
    remedy: 'Run it on a terminal to type it, or send the password to standard input with --password-stdin',
  },
  PASSWORD_UNREADABLE: { exit: EXIT.usage, remedy: 'Send one line with the password to standard input' },
  CONFIRMATION_MISSING: { exit: EXIT.usage, remedy: 'Run it on a terminal to be asked, or give --yes' },
  CANCELLED: { exit: EXIT.failed, remedy: 'Nothing was changed' },
  REPOSITORY_UNKNOWN: { exit: EXIT.failed, remedy: 'Run "berth repo list" to list those that exist' },
  LOGIN_UNKNOWN: { exit: EXIT.failed, remedy: 'Run "berth user logins NAME" to list those that exist' },
  TAG_UNKNOWN: { exit: EXIT.failed, remedy: 'Run "berth tag list REPOSITORY" to list those that exist' },
  MANIFEST_UNKNOWN: { exit: EXIT.failed, remedy: 'Run "berth tag list NAME" to see digests' },
  MANIFEST_IN_USE: { exit: EXIT.failed, remedy: 'Delete that index first' },
  CONTENT_GONE: { exit: EXIT.failed, remedy: 'Run "berth trash list" to see what can be restored' },
  HISTORY_FORGOTTEN: { exit: EXIT.failed, remedy: 'Give a later time' },
  AUDIT_BROKEN: {
    exit: EXIT.failed,
    remedy: 'Compare with a backup of before: docs/audit.md says how',
  },
  WEBHOOK_UNKNOWN: { exit: EXIT.failed, remedy: 'Run "berth webhook list" to see those there are' },
  WEBHOOK_EXISTS: { exit: EXIT.failed, remedy: 'Choose another name, or remove that one' },
  WEBHOOK_FROM_SETTINGS: {
    exit: EXIT.failed,
    remedy: 'Remove it from the file of settings (webhooks, or notifications), then start the server again',
  },
  WEBHOOK_FAILED: {
    exit: EXIT.failed,
    remedy:
      'Check the URL, and that the service runs; for a private address list it, or its network, in outgoing-networks',
  },
  DELIVERY_UNKNOWN: { exit: EXIT.failed, remedy: 'Run "berth webhook deliveries" to see those there are' },
  TAGS_KEPT: {
    exit: EXIT.failed,
    remedy:
      'Change the policy ("berth policy apply") or end the pin ("berth tag unpin") that protects them, then run it again',
  },
  REPOSITORY_EXISTS: { exit: EXIT.failed, remedy: 'Choose another name' },
  ACCESS_UNREADABLE: { exit: EXIT.usage, remedy: 'Check the path, and the permissions of the file' },
  POLICY_UNREADABLE: { exit: EXIT.usage, remedy: 'Check the path, and the permissions of the file' },
  RETENTION_FAILED: { exit: EXIT.failed, remedy: 'Remove the cause, then run it again' },
  COLLECTION_FAILED: { exit: EXIT.failed, remedy: 'Remove the cause, then run it again' },
  BACKUP_INCOMPLETE: {
    exit: EXIT.failed,
    remedy: 'Push images that have these blobs again, then run it again; all else is in the backup',
  },
  BACKUP_DAMAGED: {
    exit: EXIT.failed,
    remedy:
      'Run "berth backup DIR --full": it copies damaged blobs again. Older generations may lack them, too',
  },
  RESTORE_INCOMPLETE: {
    exit: EXIT.failed,
    remedy: 'All else is there, and the server can be started: push images that have these blobs again',
  },
  CONTENT_DAMAGED: {
    exit: EXIT.failed,
    remedy:
      'Run "berth scrub list" for the images that have it, then push one of each again, or run "berth scrub --repair-from URL"',
  },
  UNHEALTHY: {
    exit: EXIT.failed,
    remedy: 'Start the server, or read its log; if it runs on another data folder, name that with --data',
  },
  SETTINGS_FORBIDDEN: {
    exit: EXIT.usage,
    remedy:
      'Run it as root or as the user of the server, or name the address in BERTH_LISTEN_HTTP or BERTH_LISTEN_HTTPS',
  },
  SELFTEST_FAILED: { exit: EXIT.failed, remedy: "Read the registry's log" },
  FILE_EXISTS: { exit: EXIT.failed, remedy: 'Name another file, or remove that one' },
  FILE_UNWRITABLE: {
    exit: EXIT.failed,
    remedy: 'Name a file in a folder that this user can write, on a disk with room',
  },
  VERSION_OLD: {
    exit: EXIT.failed,
    remedy: 'Read what is new, make a backup, and install it: see "Upgrading" in docs/operations.md',
  },
  VERSION_UNREADABLE: { exit: EXIT.failed, remedy: 'Check the address, the mirror and its document' },
  NO_SERVER: {
    exit: EXIT.failed,
    remedy: 'Start one with "berth serve", or name its folder with --data',
  },
  NO_SITES: {
    exit: EXIT.failed,
    remedy: 'Start one with "berth serve --domain HOST", or name its folder with --data',
  },
  VHOST_FILES_FAULTY: {
    exit: EXIT.failed,
    remedy: 'Correct the lines marked as error; the files are read again at once',
  },
  RENEWAL_FAILED: {
    exit: EXIT.failed,
    remedy: 'Do what the lines marked FAILED say; the server tries again by itself',
  },
  DOCTOR_FOUND: { exit: EXIT.failed, remedy: 'Do what the lines marked FAILED say, then run it again' },
  DOMAIN_UNUSABLE: { exit: EXIT.usage, remedy: 'Give a name alone, such as registry.example.com' },
  SETTINGS_DIFFER: { exit: EXIT.usage, remedy: 'Give --force to change them, or leave the flags out' },
  SETUP_BLOCKED: { exit: EXIT.failed, remedy: 'Remove the cause, then run it again' },
  OUTPUT_CLOSED: {
    exit: EXIT.failed,
    remedy:
      'Run it again with an output that stays open: what is done stays as it is, and a password that was not shown is shown then',
  },
  SERVICE_FAILED: { exit: EXIT.failed, remedy: 'Run "journalctl -u berth -n 50" for the reason' },
  CERTIFICATE_MISSING: {
    exit: EXIT.failed,
    remedy: 'The server tries again by itself: "berth cert list" shows the next attempt',
  },
  CERTIFICATE_FAULTY: { exit: EXIT.failed, remedy: 'Do what the lines marked ERROR say' },
  INTERNAL: {
    exit: EXIT.failed,
    remedy: 'This is a fault in Berth: report it, with what NODE_DEBUG=berth shows',
  },
} as const satisfies Record<string, { exit: number; remedy: string }>

/** A code of {@link CLI_ERRORS}. */
export type CliErrorCode = keyof typeof CLI_ERRORS

/** A command that cannot do its work. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly code: CliErrorCode
  readonly remedy: string

  constructor(code: CliErrorCode, message: string, options: { remedy?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.code = code
    this.remedy = options.remedy ?? CLI_ERRORS[code].remedy
  }
}
