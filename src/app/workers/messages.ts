import type { LoginNews } from '../../accounts/log-in/login-guard.ts'
import type { OpenAnswer } from '../../certificates/acme/challenges/challenge-board.ts'
import type { Config } from '../../config/config.ts'
import type { LimitedRequest } from '../../front-door/sites/ports.ts'
import type { SiteDeclaration } from '../../front-door/sites/site-declaration.ts'
import type { MetricSamples } from '../../metrics/metric.ts'
import type { UploadId } from '../../oci/request.ts'
import type { ProcessReport, ReportKind } from '../status/process-report.ts'

/** Data for the start message. */
export interface WorkerStart {
  readonly kind: 'start'
  readonly config: Config
  /** The current declarations of containers. */
  readonly containers: readonly SiteDeclaration[]
  /** Secrets of the tickets of TLS sessions and of the keys of remembered credentials, the same in all workers. */
  readonly ticketSecret: Uint8Array
  /** True if the server has announced that it serves. */
  readonly mayAnswer: boolean
  /** True if the database is only read (`Store.isFrozen`). */
  readonly isFrozen: boolean
  /** Open challenges of CAs. */
  readonly answers: readonly OpenAnswer[]
}

/** Message of the primary to a worker. */
export type ToWorker =
  | WorkerStart
  | { readonly kind: 'containers'; readonly containers: readonly SiteDeclaration[] }
  | { readonly kind: 'open-answer'; readonly id: number; readonly answer: OpenAnswer }
  | { readonly kind: 'close-answer'; readonly answer: OpenAnswer }
  | { readonly kind: 'login'; readonly news: LoginNews }
  /** Result of the question with this id. */
  | { readonly kind: 'reply'; readonly id: number; readonly reply: Reply }
  /** The server has announced that it serves: requests are answered from now on. */
  | { readonly kind: 'answer' }
  /** The primary got SIGHUP. The signal itself would end a worker that only begins. */
  | { readonly kind: 'hangup' }
  /** Replied to at once by a worker that does not hang. */
  | { readonly kind: 'ping' }
  /** Replied to with the metrics of the worker. */
  | { readonly kind: 'read-metrics' }
  /** Text of a scrape that the worker requested; undefined: it failed. */
  | { readonly kind: 'scraped'; readonly text: string | undefined }
  /** Replied to with a report. */
  | { readonly kind: 'inspect'; readonly report: ReportKind }
  | { readonly kind: 'stop' }

/** Message of a worker to the primary. */
export type ToPrimary =
  | { readonly kind: 'pong' }
  | { readonly kind: 'metrics'; readonly samples: MetricSamples[] }
  /** Replied to with the text of a scrape of the whole server. */
  | { readonly kind: 'scrape' }
  | { readonly kind: 'inspected'; readonly report: ReportKind; readonly content: ProcessReport }
  | { readonly kind: 'serving'; readonly urls: readonly string[] }
  | { readonly kind: 'failed'; readonly failure: StartFailure }
  /** The worker can give the answer with this id from now on. */
  | { readonly kind: 'answering'; readonly id: number }
  | { readonly kind: 'login'; readonly news: LoginNews }
  | { readonly kind: 'question'; readonly id: number; readonly question: Question }
  /** Releases the grant of the question with this id; replied to when that is done. */
  | { readonly kind: 'release'; readonly id: number }

/** A question that only one process can decide. */
export type Question =
  | { readonly kind: 'upload'; readonly upload: UploadId }
  | { readonly kind: 'limits'; readonly request: LimitedRequest }

/** Reply to a {@link Question}. */
export type Reply =
  | { readonly kind: 'granted'; readonly waitMs: number }
  | { readonly kind: 'refused'; readonly status: number; readonly zone: string }

/** Reason why a worker could not begin, in the form of a command's report. */
export interface StartFailure {
  readonly name: string
  readonly code: string | undefined
  readonly message: string
  readonly remedy: string | undefined
}
