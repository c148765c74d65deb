import type { ChunkCollector } from '../../stream/chunk-collector.ts'
import type { SiteTools } from '../exchange/site-exchange.ts'
import type { Http2Upstreams } from './forward-h2c.ts'
import type { ServerPicker } from './pick-server.ts'
import type { UpstreamPools } from './upstream-pools.ts'

/** Dependencies of all parts that pass requests on; the connections to servers are in them. */
export interface ForwardTools extends SiteTools {
  readonly pools: UpstreamPools
  readonly http2Upstreams: Http2Upstreams
  readonly picker: ServerPicker
  readonly collector: ChunkCollector
}
