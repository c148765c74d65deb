/** Reasons why Berth could not start or open its data. */
export type AppErrorCode =
  | 'PORT_IN_USE'
  | 'PORT_FORBIDDEN'
  | 'ADDRESS_UNAVAILABLE'
  | 'SOCKET_UNUSABLE'
  | 'PASSED_SOCKET_UNUSABLE'
  | 'STORAGE_FULL'
  | 'OUT_OF_FILES'
  | 'CLOCK_WRONG'
  | 'SYSTEM_REFUSED'
  | 'DATABASE_BUSY'
  | 'DATABASE_LOST'
  | 'DATABASE_UNUSABLE'
  | 'DATA_NOT_WRITABLE'
  | 'DATA_IN_USE'
  | 'ADOPT_INCOMPLETE'
  | 'ADOPT_BUSY'
  | 'DATA_NOT_FOUND'
  | 'PLAIN_HTTP_REFUSED'
  | 'TLS_FILES_UNUSABLE'
  | 'HTPASSWD_UNUSABLE'
  | 'ADMIN_PASSWORD_UNUSABLE'
  | 'TRACES_HEADERS_UNUSABLE'
  | 'MONITORING_TOKEN_UNUSABLE'
  | 'NOTHING_TO_LISTEN_ON'
  | 'SITE_LOG_UNUSABLE'
  | 'VHOST_FILES_UNREADABLE'
  | 'WORKER_FAILED'
  | 'NOT_RUNNING'
  | 'COLLECTION_HELD'
  | 'NOTHING_TO_ADOPT'
  | 'RETENTION_BUSY'
  | 'SCRUB_BUSY'
  | 'RENEWAL_REFUSED'
  | 'RENEWAL_UNANSWERED'

/** A failure to start: fault, cause and remedy. The command prints it on one line each. */
export class AppError extends Error {
  override readonly name = 'AppError'
  readonly code: AppErrorCode
  /** Remedy for the operator. */
  readonly remedy: string

  constructor(code: AppErrorCode, message: string, remedy: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
    this.remedy = remedy
  }
}
