import type { Logger } from 'pino'
import type { ChunkCollector } from '../../stream/chunk-collector.ts'
import type { ForwardTools } from '../forward/forward-tools.ts'
import type { AnswerHolds } from '../listen/http/limits/answer-holds.ts'
import type { LimitGate, PasswordChecker } from '../sites/ports.ts'
import type { Served } from '../visit/served.ts'
import type { FileRules } from './files/find-file.ts'
import type { SiteLog } from './site-access-log.ts'

/** Dependencies and settings of serving sites. */
export interface SiteHandlerParts {
  /** Answers on the registry's own hosts. */
  readonly served: Served
  readonly passwords: PasswordChecker
  /** Counts requests for the limits of vhost files. */
  readonly limits: LimitGate
  readonly logger: Logger
  /** Counts bytes that were read and not sent. */
  readonly holds: AnswerHolds
  readonly collector: ChunkCollector
  /** Log of a line for each request of a site; undefined: none. */
  readonly siteLog: SiteLog | undefined
  /** Called with each failure of a server behind a site; undefined: nothing counts them. */
  readonly onUpstreamFailure?: ForwardTools['onUpstreamFailure']
  /** Requests under way at one server; 16,384 if undefined. */
  readonly maxRequestsPerServer?: number
  /** Rules about files of sites; undefined: no dotfiles, no links that lead out. */
  readonly files?: FileRules
}

/** Dependencies of all parts that answer a request of a site. */
export interface AnswerTools extends ForwardTools, Pick<SiteHandlerParts, 'served' | 'files'> {}
