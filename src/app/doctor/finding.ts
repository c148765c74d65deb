/** How a check came out; `skipped`: it could not be made here, which is no fault. */
export type FindingState = 'ok' | 'warning' | 'failed' | 'skipped'

/** What one check of `berth doctor` found. */
export interface Finding {
  /** What was looked at: `dns`, `ports`, `clock`, `acme`, `certificate`, `docker`, `disk`, `data`, `database`, `vhost files`, `passwords`. */
  readonly check: string
  readonly state: FindingState
  /** A sentence. */
  readonly message: string
  /** What to do; undefined where nothing is to be done. */
  readonly remedy: string | undefined
}

/** A check that came out well. */
export function ok(check: string, message: string): Finding {
  return { check, state: 'ok', message, remedy: undefined }
}

/** A check that could not be made. */
export function skipped(check: string, message: string): Finding {
  return { check, state: 'skipped', message, remedy: undefined }
}

/** Something that will bite sooner or later. */
export function warning(check: string, message: string, remedy: string): Finding {
  return { check, state: 'warning', message, remedy }
}

/** Something that does not work now. */
export function failed(check: string, message: string, remedy: string): Finding {
  return { check, state: 'failed', message, remedy }
}

/** The code of a system error, or the words of any other. */
export function reasonOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return error instanceof Error ? error.message : String(error)
}

/** The words of an error of Berth's own, which are sentences. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
