import type { Directive } from '../syntax/parser.ts'
import type { DirectiveProblem, Place } from '../syntax/problem.ts'
import type { Template } from '../syntax/template.ts'

/** A zone of `limit_req_zone`. */
export interface RequestZone {
  readonly key: Template
  readonly perSecond: number
}

/** What files of `conf.d` say for all hosts. */
export interface HttpLevel {
  readonly requestZones: ReadonlyMap<string, RequestZone>
  /** Keys of `limit_conn_zone`. */
  readonly connectionZones: ReadonlyMap<string, Template>
  /** Settings that hosts inherit: access, limits, headers, sizes and times. */
  readonly inherited: readonly Directive[]
  readonly problems: readonly DirectiveProblem[]
  /** Names of `server` blocks, which are not read: what they say of a host would be missed. */
  readonly servers: ReadonlyMap<string, Place>
  /** Names of `upstream` blocks, which are not read. */
  readonly upstreams: ReadonlyMap<string, Place>
}

/** Nothing said. */
export const EMPTY_HTTP_LEVEL: HttpLevel = {
  requestZones: new Map(),
  connectionZones: new Map(),
  inherited: [],
  problems: [],
  servers: new Map(),
  upstreams: new Map(),
}
