/** Result of a check; `skipped`: it could not be made here, which is no fault. */
type FindingState = 'ok' | 'warning' | 'failed' | 'skipped'

/** Finding of one check of `berth doctor`. */
export interface Finding {
  /**
   * Subject: `dns`, `ports`, `clock`, `acme`, `certificate`, `docker`, `directory`, `disk`, `data`, `database`, `backups`,
   * `content`, `vhost files`, `passwords`, `upkeep`.
   */
  readonly check: string
  readonly state: FindingState
  /** A sentence. */
  readonly message: string
  /** Remedy; undefined if none is needed. */
  readonly remedy: string | undefined
}

/** A successful check. */
export function ok(check: string, message: string): Finding {
  return { check, state: 'ok', message, remedy: undefined }
}

/** A check that could not be made. */
export function skipped(check: string, message: string): Finding {
  return { check, state: 'skipped', message, remedy: undefined }
}

/** Something that will fail sooner or later. */
export function warning(check: string, message: string, remedy: string): Finding {
  return { check, state: 'warning', message, remedy }
}

/** Something that does not work now. */
export function failed(check: string, message: string, remedy: string): Finding {
  return { check, state: 'failed', message, remedy }
}

/** The code of a system error, or the text of any other. */
export function reasonOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return error instanceof Error ? error.message : String(error)
}

/** The text of an error of Berth's own, which is a sentence. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
