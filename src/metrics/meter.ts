import type Counter from 'prom-client/lib/counter.js'
import type Gauge from 'prom-client/lib/gauge.js'
import type Histogram from 'prom-client/lib/histogram.js'
import { METRICS, type MetricName } from './catalogue.ts'
import type { Labels, MetricEntry, MetricSamples, Sample } from './metric.ts'

const NO_LABELS: Labels = {}

/** The metrics of one process. */
export interface Meter {
  /** Adds to a counter. */
  count(name: MetricName, labels?: Labels, by?: number): void
  /** Sets a gauge. */
  set(name: MetricName, value: number, labels?: Labels): void
  /** Adds a value to a histogram. */
  observe(name: MetricName, value: number, labels?: Labels): void
  /** Removes all values of a gauge. */
  forget(name: MetricName): void
  /** All values. */
  read(): Promise<MetricSamples[]>
}

/**
 * Makes the metrics of the catalogue, all without values: one that was not counted or set is absent. Loads the library of
 * metrics: a server without metrics does not.
 */
export async function createMeter(): Promise<Meter> {
  const [{ default: CounterKind }, { default: GaugeKind }, { default: HistogramKind }] = await Promise.all([
    import('prom-client/lib/counter.js'),
    import('prom-client/lib/gauge.js'),
    import('prom-client/lib/histogram.js'),
  ])
  const counters = new Map<string, Counter>()
  const gauges = new Map<string, Gauge>()
  const histograms = new Map<string, Histogram>()
  for (const [name, { kind, help, labels, buckets }] of listMetrics()) {
    const settings = { name, help, labelNames: [...labels], registers: [] }
    if (kind === 'counter') counters.set(name, new CounterKind(settings))
    else if (kind === 'gauge') gauges.set(name, new GaugeKind(settings))
    else histograms.set(name, new HistogramKind({ ...settings, buckets: [...(buckets ?? [])] }))
  }
  // The library gives a gauge without labels the value 0 at once, and after `reset()` again: no value is none here.
  const absent = new Set(gauges.keys())
  return {
    count: (name, labels = NO_LABELS, by = 1) => counters.get(name)?.inc(labels, by),
    set(name, value, labels = NO_LABELS) {
      absent.delete(name)
      gauges.get(name)?.set(labels, value)
    },
    observe: (name, value, labels = NO_LABELS) => histograms.get(name)?.observe(labels, value),
    forget(name) {
      absent.add(name)
      gauges.get(name)?.reset()
    },
    async read() {
      const all = [...counters, ...gauges, ...histograms].filter(([name]) => !absent.has(name))
      return Promise.all(
        all.map(async ([name, metric]) => ({ name, samples: (await metric.get()).values as Sample[] })),
      )
    },
  }
}

/** The entries of the catalogue with their names. */
export function listMetrics(): [MetricName, MetricEntry][] {
  return Object.entries(METRICS) as [MetricName, MetricEntry][]
}
