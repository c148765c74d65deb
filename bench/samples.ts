/** The figures of one server in one round. */
export interface Sample {
  /** The work, such as "pull, 4 connections". */
  readonly work: string
  /** The server that did it. */
  readonly server: string
  /** Counted from 0; servers are compared within a round. */
  readonly round: number
  /** By name with unit, such as `MB/s`. */
  readonly figures: Readonly<Record<string, number>>
}

/** Middle and ends of a figure over the rounds. */
interface Summary {
  readonly median: number
  readonly least: number
  readonly most: number
  readonly rounds: number
}

/**
 * Sums up a figure of one server; undefined if it was never measured. Every round counts: an outlier does not move the
 * median, and `least` and `most` show it.
 */
export function summarise(samples: readonly Sample[], of: FigureOf): Summary | undefined {
  const values = [...figuresByRound(samples, of).values()]
  if (values.length === 0) return undefined
  return {
    median: median(values),
    least: Math.min(...values),
    most: Math.max(...values),
    rounds: values.length,
  }
}

/** Names one figure of one server. */
interface FigureOf {
  readonly work: string
  readonly server: string
  readonly figure: string
}

/**
 * The factor of the figure of `of` to that of `to`: the median of the ratios within each round, so that a machine that
 * is slower for a while slows both sides. Undefined if no round has both.
 */
export function ratioWithinRounds(
  samples: readonly Sample[],
  of: FigureOf,
  to: FigureOf,
): number | undefined {
  const others = figuresByRound(samples, to)
  const ratios = [...figuresByRound(samples, of)].flatMap(([round, value]) => {
    const other = others.get(round)
    return other === undefined || other === 0 ? [] : [value / other]
  })
  return ratios.length === 0 ? undefined : median(ratios)
}

/** The middle value, or the mean of the two middle ones. `values` must not be empty. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN
  return (lower + upper) / 2
}

/** The value that `percent` of the values do not exceed. `values` must not be empty. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? Number.NaN
}

function figuresByRound(samples: readonly Sample[], of: FigureOf): Map<number, number> {
  const rounds = new Map<number, number>()
  for (const { work, server, round, figures } of samples) {
    const value = figures[of.figure]
    if (work === of.work && server === of.server && value !== undefined) rounds.set(round, value)
  }
  return rounds
}
