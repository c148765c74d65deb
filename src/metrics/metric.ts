/** A metric: the one place of its name, its labels and its help. */
export interface MetricEntry {
  readonly kind: 'counter' | 'gauge' | 'histogram'
  /** One sentence, as scrapes and docs/metrics.md show it. */
  readonly help: string
  readonly labels: readonly string[]
  /** Upper bounds of a histogram, in its unit, inclusive. */
  readonly buckets?: readonly number[]
  /** Rule by which a gauge of several processes becomes one value; their sum if undefined. */
  readonly merge?: 'max'
}

/** Values of labels by their names. */
export type Labels = Readonly<Record<string, string>>

/** A value of a metric, in a form that can be sent to another process. */
export interface Sample {
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
  /** Name of the series, where it differs from that of the metric: those of a histogram. */
  readonly metricName?: string | undefined
}

/** The values of a metric in one process. */
export interface MetricSamples {
  readonly name: string
  readonly samples: readonly Sample[]
}
