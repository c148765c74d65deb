/** Reasons why a backup could not be made, or cannot be used. */
type BackupErrorCode =
  | 'BACKUP_FOLDER_UNUSABLE'
  | 'BACKUP_FOLDER_BUSY'
  | 'BACKUP_UNKNOWN'
  | 'BACKUP_INTERRUPTED'
  | 'BACKUP_NO_ROOM'
  | 'BACKUP_DAMAGED'
  | 'RESTORE_TARGET_NOT_EMPTY'

/** A backup or a restore that did not do its work, with a remedy for the operator. */
export class BackupError extends Error {
  override readonly name = 'BackupError'
  readonly code: BackupErrorCode
  readonly remedy: string

  constructor(code: BackupErrorCode, message: string, remedy: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
    this.remedy = remedy
  }
}
