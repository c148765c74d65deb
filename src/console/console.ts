import type { Principal, TokenScope } from '../access/principal.ts'

/** Credentials of a request, and what became of them. */
export interface ConsoleLogin {
  readonly principal: Principal
  /** `accepted`, `none`, or the reason why they do not count. */
  readonly credentials: 'none' | 'accepted' | 'bad-token' | 'bad-password' | 'unreadable'
  /** Why a token in the place of the password was refused, for its sender. */
  readonly reason?: string | undefined
}

/** A request to the admin API as HTTP carried it. */
export interface ConsoleRequest {
  readonly method: string
  /** Path and query as sent, from `/api` on. */
  readonly target: string
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly requestId: string
  /** Scheme and host of this registry as the client reached it, or as the operator set it. */
  readonly origin: string
  /**
   * Finds the account of the request as of now: a later call finds what has become of it. Errors: `OciError`
   * `TOOMANYREQUESTS`, `UNAVAILABLE`.
   */
  authenticate(): Promise<ConsoleLogin>
  /** The whole body. Called at most once. Errors: `OciError`: it is larger than `maxBytes`, or too slow. */
  readBody(maxBytes: number): Promise<Buffer>
  /** Aborted once the client is gone. */
  readonly signal: AbortSignal
}

/** An answer of the admin API. */
export interface ConsoleAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Undefined: none. A stream has no end of its own. */
  readonly body: Buffer | AsyncIterable<string> | undefined
  /** Path of the route, with names in place of what clients choose; undefined: there is none. */
  readonly route: string | undefined
  /** Repository of the path. */
  readonly repository: string | undefined
  /** Code of a problem. */
  readonly errorCode: string | undefined
  /** Set with 401: scopes of a token with which the request would be allowed. */
  readonly challenge: { readonly scopes: readonly TokenScope[]; readonly login: ConsoleLogin } | undefined
  /** A fault of this server, for its log. */
  readonly fault: unknown
}

/** The admin API, behind any HTTP server. */
export interface Console {
  /** Answers a request. Never rejects. */
  answer(request: ConsoleRequest): Promise<ConsoleAnswer>
}
