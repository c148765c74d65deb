import type { ChunkCollector } from '../../stream/chunk-collector.ts'
import type { SiteTools } from '../exchange/site-exchange.ts'
import type { ServerPicker } from './connect/pick-server.ts'
import type { UpstreamPools } from './connect/upstream-pools.ts'
import type { Http2Upstreams } from './send/forward-h2c.ts'

/** Dependencies of all parts that pass requests on; the connections to servers are in them. */
export interface ForwardTools extends SiteTools {
  readonly pools: UpstreamPools
  readonly http2Upstreams: Http2Upstreams
  readonly picker: ServerPicker
  readonly collector: ChunkCollector
}
