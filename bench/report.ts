import type { Verdict } from './bars.ts'
import { type Sample, summarise } from './samples.ts'

/** Formats every work as a table in Markdown: a row a server, the median of each figure with its ends. */
export function formatTables(samples: readonly Sample[]): string {
  const works = [...new Set(samples.map(({ work }) => work))]
  return works.map((work) => formatWork(work, samples)).join('\n\n')
}

/** Formats the bars as a table in Markdown. */
export function formatVerdicts(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(({ work, figure, server, to, bound, value, measured, isReached }) => {
    const of = to === undefined ? `${server}: ${figure}` : `${server} / ${to}: ${figure}`
    const unit = to === undefined ? '' : 'x'
    const met = isReached ? 'reached' : '**missed**'
    return [work, of, formatNumber(measured) + unit, `${bound} ${value}${unit}`, met]
  })
  return formatTable(['work', 'what', 'measured', 'bar', ''], rows)
}

function formatWork(work: string, samples: readonly Sample[]): string {
  const own = samples.filter((sample) => sample.work === work)
  const servers = [...new Set(own.map(({ server }) => server))]
  const figures = [...new Set(own.flatMap((sample) => Object.keys(sample.figures)))]
  const rows = servers.map((server) => [
    server,
    ...figures.map((figure) => formatSummary(samples, { work, server, figure })),
  ])
  return `### ${work}\n\n${formatTable(['', ...figures], rows)}`
}

function formatSummary(
  samples: readonly Sample[],
  of: { work: string; server: string; figure: string },
): string {
  const summary = summarise(samples, of)
  if (summary === undefined) return '–'
  const { median, least, most, rounds } = summary
  if (rounds === 1) return formatNumber(median)
  return `${formatNumber(median)} (${formatNumber(least)}–${formatNumber(most)})`
}

function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map((_, column) => (column === 0 ? '---' : '---:')), ...rows]
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** Three significant digits, but at least all digits before the point. */
export function formatNumber(value: number): string {
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))))
  return value.toLocaleString('en', { minimumFractionDigits: 0, maximumFractionDigits: Math.min(digits, 3) })
}
