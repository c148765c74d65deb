import { listMetrics } from './meter.ts'
import type { MetricSamples, Sample } from './metric.ts'

/** Media type of the text format of Prometheus. */
export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** The text that Prometheus scrapes, in the order of the catalogue; metrics without a value are left out. */
export function formatMetrics(metrics: readonly MetricSamples[]): string {
  const byName = new Map(metrics.map(({ name, samples }) => [name, samples]))
  const blocks = listMetrics().flatMap(([name, { help, kind }]) => {
    const samples = byName.get(name) ?? []
    if (samples.length === 0) return []
    return [
      `# HELP ${name} ${help}`,
      `# TYPE ${name} ${kind}`,
      ...samples.map((sample) => formatSample(name, sample)),
    ]
  })
  return `${blocks.join('\n')}\n`
}

function formatSample(name: string, { labels, value, metricName = name }: Sample): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeText(String(text))}"`)
  return `${metricName}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}`
}

function escapeText(text: string): string {
  return text.replace(/[\\"\n]/g, (sign) => (sign === '\n' ? '\\n' : `\\${sign}`))
}
