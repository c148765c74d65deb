import { METRICS, type MetricName } from './catalogue.ts'
import type { MetricEntry, MetricSamples, Sample } from './metric.ts'

/** Makes the values of several processes those of one: sums, and maxima where the catalogue says so. */
export function mergeSamples(processes: readonly (readonly MetricSamples[])[]): MetricSamples[] {
  const merged = new Map<string, Map<string, Sample>>()
  for (const { name, samples } of processes.flat()) {
    const series = merged.get(name) ?? new Map<string, Sample>()
    merged.set(name, series)
    const { merge }: MetricEntry = METRICS[name as MetricName]
    for (const sample of samples) {
      const key = toKey(sample)
      const known = series.get(key)
      const value = known === undefined ? sample.value : combine(merge, known.value, sample.value)
      series.set(key, { ...sample, value })
    }
  }
  return Array.from(merged, ([name, series]) => ({ name, samples: [...series.values()] }))
}

/** Without gauges: what stays of a process that has ended. Otherwise sums would fall, which reads as a restart. */
export function keepTotals(metrics: readonly MetricSamples[]): MetricSamples[] {
  return metrics.filter(({ name }) => METRICS[name as MetricName].kind !== 'gauge')
}

function combine(merge: MetricEntry['merge'], first: number, second: number): number {
  return merge === 'max' ? Math.max(first, second) : first + second
}

function toKey({ metricName = '', labels }: Sample): string {
  const names = Object.keys(labels).sort()
  return JSON.stringify([metricName, ...names.map((name) => [name, labels[name]])])
}
