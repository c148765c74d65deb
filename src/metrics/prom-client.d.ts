/**
 * The package's own files of its kinds of metrics: its index loads default metrics, a tracing API and summaries beside,
 * 2.5 MB of memory.
 */
declare module 'prom-client/lib/counter.js' {
  import type { Counter } from 'prom-client'

  export = Counter
}
declare module 'prom-client/lib/gauge.js' {
  import type { Gauge } from 'prom-client'

  export = Gauge
}
declare module 'prom-client/lib/histogram.js' {
  import type { Histogram } from 'prom-client'

  export = Histogram
}
