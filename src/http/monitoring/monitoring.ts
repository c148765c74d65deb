/** Figures and checks for the holder of the monitoring token, and the check of that token. */
export interface Monitoring {
  /** Judges a token from this address; undefined: none was sent. */
  judge(token: string | undefined, remoteAddress: string): Promise<MonitoringVerdict>
  /** The current figures of the whole server, as `/metrics` has them. */
  scrape(): Promise<{ readonly type: string; readonly text: string }>
  /** Makes each check of `/readyz`, all at once. */
  check(): Promise<readonly CheckResult[]>
}

/** Verdict on a token. */
export type MonitoringVerdict =
  | { readonly kind: 'accepted' }
  /** `retryAfterS`: seconds after which this address may try again, if it sent too many wrong ones. */
  | { readonly kind: 'refused'; readonly retryAfterS: number | undefined }

/** Result of one check of `/readyz`, as it is sent to the holder of the token. */
export interface CheckResult {
  readonly name: CheckName
  /** `failed`: the server is not ready. `warning`: it serves, and somebody has to act. */
  readonly state: 'ok' | 'warning' | 'failed'
  /** Time of the check, in milliseconds. */
  readonly ms: number
  /** Reason of a warning or a failure. */
  readonly message?: string | undefined
}

/** A check of `/readyz`. */
export type CheckName = 'drain' | 'health-file' | 'database' | 'storage' | 'disk-floor' | 'certificates'
