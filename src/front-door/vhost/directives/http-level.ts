import type { Directive } from '../syntax/parser.ts'
import type { DirectiveProblem, Place } from '../syntax/problem.ts'
import type { Template } from '../syntax/template.ts'

/** A zone of `limit_req_zone`. */
export interface RequestZone {
  readonly key: Template
  readonly perSecond: number
}

/** Content of `conf.d` for all hosts. */
export interface HttpLevel {
  readonly requestZones: ReadonlyMap<string, RequestZone>
  /** Keys of `limit_conn_zone`. */
  readonly connectionZones: ReadonlyMap<string, Template>
  /** Settings that hosts inherit: access, limits, headers, sizes and times. */
  readonly inherited: readonly Directive[]
  readonly problems: readonly DirectiveProblem[]
  /** Names of `server` blocks, which are not read: a host of that name would miss their directives. */
  readonly servers: ReadonlyMap<string, Place>
  /** Names of `upstream` blocks, which are not read. */
  readonly upstreams: ReadonlyMap<string, Place>
}

/** A level without directives. */
export const EMPTY_HTTP_LEVEL: HttpLevel = {
  requestZones: new Map(),
  connectionZones: new Map(),
  inherited: [],
  problems: [],
  servers: new Map(),
  upstreams: new Map(),
}
