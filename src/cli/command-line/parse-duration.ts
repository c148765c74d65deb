import { CliError } from '../errors/cli-error.ts'

const UNITS_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 24 * 3_600_000 } as const
/** Longest duration, in days: a longer one is a mistake. */
const MAX_DAYS = 3_650

/** Milliseconds of a text such as `45s`, `30m`, `2h` or `7d`; undefined if it is no duration. */
function readDuration(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,6})\s?([smhd])$/.exec(text.trim()) ?? []
  if (count === undefined) return undefined
  const ms = Number(count) * UNITS_MS[unit as keyof typeof UNITS_MS]
  return ms > MAX_DAYS * UNITS_MS.d ? undefined : ms
}

/** As {@link readDuration}, of a flag. Errors: `USAGE`; a duration of zero, too. */
export function parseDuration(text: string): number {
  const ms = readDuration(text)
  if (ms) return ms
  throw new CliError('USAGE', `"${text}" is no duration`, {
    remedy: 'Give seconds, minutes, hours or days, such as 45s, 30m, 2h or 7d',
  })
}
