/** A transfer under way. */
interface Transfer {
  readonly requestId: string
  readonly repository: string
  readonly user: string
  readonly client: string
  readonly direction: 'push' | 'pull'
  readonly bytes: number
  readonly expectedBytes?: number | undefined
  readonly since: string
}

/** The server at this moment, as `berth status` shows it: sums over its processes. */
export interface ServerState {
  readonly version: string
  readonly startedAt: string
  readonly workers: number
  /** Processes that did not answer in time. */
  readonly silent: number
  readonly residentBytes: number
  readonly totalRequests: number
  readonly rates: {
    readonly overSeconds: number
    readonly requests: number
    readonly failures: number
    readonly sentBytes: number
    readonly receivedBytes: number
  }
  /** The oldest first. */
  readonly transfers: readonly Transfer[]
}

/** A virtual host, as `berth site list` shows it. */
interface SiteState {
  readonly host: string
  readonly source: string
  readonly state: string
  readonly cause?: string | undefined
  readonly fix?: string | undefined
  readonly certificate: string
  readonly warnings: readonly string[]
}

/** The server that the API belongs to. */
export interface ServerControl {
  /** Undefined: it is starting or stopping. */
  readStatus(): Promise<ServerState | undefined>
  listSites(): Promise<readonly SiteState[]>
  listCertificates(): Promise<readonly { readonly name: string; readonly daysLeft: number | undefined }[]>
  /** Secrets are masked. */
  listSettings(): readonly {
    readonly name: string
    readonly value: string | number | boolean | readonly string[] | null
  }[]
  /** Aborted once the server is about to end: streams of events end then. */
  readonly stopping: AbortSignal
}
