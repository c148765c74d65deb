import type { LoginNews } from '../../accounts/login-guard.ts'
import type { OpenAnswer } from '../../certificates/acme/challenges/challenge-board.ts'
import type { Config } from '../../config/config.ts'
import type { LimitedRequest } from '../../front-door/sites/ports.ts'
import type { SiteDeclaration } from '../../front-door/sites/site-declaration.ts'
import type { UploadId } from '../../oci/request.ts'

/** What a worker needs to begin. */
export interface WorkerStart {
  readonly kind: 'start'
  readonly config: Config
  /** What containers declare now. */
  readonly containers: readonly SiteDeclaration[]
  /**
   * What the tickets of TLS sessions and the keys of remembered credentials are made of, so that each worker goes on
   * with those of the others.
   */
  readonly ticketSecret: Uint8Array
  /** The server has said that it serves. */
  readonly mayAnswer: boolean
  /** The database is only read (`Store.isFrozen`). */
  readonly isFrozen: boolean
  /** Questions of CAs that are open now. */
  readonly answers: readonly OpenAnswer[]
}

/** What the primary tells a worker. */
export type ToWorker =
  | WorkerStart
  | { readonly kind: 'containers'; readonly containers: readonly SiteDeclaration[] }
  | { readonly kind: 'open-answer'; readonly id: number; readonly answer: OpenAnswer }
  | { readonly kind: 'close-answer'; readonly answer: OpenAnswer }
  | { readonly kind: 'login'; readonly news: LoginNews }
  /** What came of a question with this id. */
  | { readonly kind: 'reply'; readonly id: number; readonly reply: Reply }
  /** The server has said that it serves: requests are answered from now on. */
  | { readonly kind: 'answer' }
  /** The primary got SIGHUP. A worker that only begins would be ended by the signal itself. */
  | { readonly kind: 'hangup' }
  /** Replied to at once by a worker that does not hang. */
  | { readonly kind: 'ping' }
  | { readonly kind: 'stop' }

/** What a worker tells the primary. */
export type ToPrimary =
  | { readonly kind: 'pong' }
  | { readonly kind: 'serving'; readonly urls: readonly string[] }
  | { readonly kind: 'failed'; readonly failure: StartFailure }
  /** The answer with this id is given from now on. */
  | { readonly kind: 'answering'; readonly id: number }
  | { readonly kind: 'login'; readonly news: LoginNews }
  | { readonly kind: 'ask'; readonly id: number; readonly question: Question }
  /** What was granted to the question with this id is over; replied to when that has been noted. */
  | { readonly kind: 'release'; readonly id: number }

/** What only one process can decide. */
export type Question =
  | { readonly kind: 'upload'; readonly upload: UploadId }
  | { readonly kind: 'limits'; readonly request: LimitedRequest }

/** What came of a {@link Question}. */
export type Reply =
  | { readonly kind: 'granted'; readonly waitMs: number }
  | { readonly kind: 'refused'; readonly status: number; readonly zone: string }

/** Why a worker could not begin, as commands report it. */
export interface StartFailure {
  readonly name: string
  readonly code: string | undefined
  readonly message: string
  readonly remedy: string | undefined
}
