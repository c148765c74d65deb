import type { Logger } from 'pino'
import type { ForwardTools } from '../forward/forward-tools.ts'
import type { LimitGate, PasswordChecker } from '../sites/ports.ts'
import type { Served } from '../visit/served.ts'
import type { FileRules } from './files/find-file.ts'
import type { SiteLog } from './site-access-log.ts'

/** What serving sites needs. */
export interface SiteHandlerParts {
  /** Answers on the registry's own hosts. */
  readonly served: Served
  readonly passwords: PasswordChecker
  /** Counts what vhost files limit. */
  readonly limits: LimitGate
  readonly logger: Logger
  /** Gets a line for each request of a site; undefined: none is wanted. */
  readonly siteLog: SiteLog | undefined
  /** Requests under way at one server; 16,384 if undefined. */
  readonly maxRequestsPerServer?: number
  /** What of the folders of sites is served; undefined: no dotfiles, no links that lead out. */
  readonly files?: FileRules
}

/** Dependencies of all that answers a request of a site. */
export interface AnswerTools extends ForwardTools, Pick<SiteHandlerParts, 'served' | 'files'> {}
