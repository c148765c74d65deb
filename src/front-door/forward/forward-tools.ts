import type { ChunkCollector } from '../../stream/chunk-collector.ts'
import type { SiteTools } from '../exchange/site-exchange.ts'
import type { Site } from '../sites/site.ts'
import type { ServerPicker } from './connect/pick-server.ts'
import type { UpstreamPools } from './connect/upstream-pools.ts'
import type { Http2Upstreams } from './send/forward-h2c.ts'
import { type FailureKind, toFailureKind, type UpstreamFailure } from './send/upstream-failure.ts'

/** Called with the host of a site, as declared, and the kind of a failure. */
export type OnUpstreamFailure = (site: string, kind: FailureKind) => void

/** Dependencies of all parts that pass requests on; the connections to servers are in them. */
export interface ForwardTools extends SiteTools {
  readonly pools: UpstreamPools
  readonly http2Upstreams: Http2Upstreams
  readonly picker: ServerPicker
  readonly collector: ChunkCollector
  /** Called with each failure of a server behind a site; undefined: nothing counts them. */
  readonly onUpstreamFailure?: OnUpstreamFailure | undefined
}

/** Counts a failure of a server behind a site, if it is one of the server. */
export function countFailure(
  { onUpstreamFailure }: Pick<ForwardTools, 'onUpstreamFailure'>,
  site: Pick<Site, 'declaration'>,
  { reason, error }: { reason: UpstreamFailure; error: Error },
): void {
  const kind = toFailureKind(reason, error)
  if (kind) onUpstreamFailure?.(site.declaration.host, kind)
}
