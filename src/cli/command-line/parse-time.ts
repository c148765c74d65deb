import { CliError } from '../errors/cli-error.ts'
import { parseDuration } from './parse-duration.ts'

/** A date and a time of day with its zone, to the minute, second or millisecond; a space may stand for the T. */
const TIME = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)$/

/** A time in the past, such as `2026-11-28T03:00Z` or `2h ago`. Errors: `USAGE`. */
export function parsePastTime(text: string, now: number = Date.now()): Date {
  const [, duration] = /^(.+?)\s+ago$/.exec(text.trim()) ?? []
  if (duration !== undefined) return new Date(now - parseDuration(duration))
  const time = TIME.test(text.trim()) ? Date.parse(text.trim().replace(' ', 'T')) : Number.NaN
  if (Number.isNaN(time)) {
    throw new CliError('USAGE', `"${text}" is no time`, {
      remedy: 'Give date, time and zone, such as 2026-11-28T03:00Z or 2026-11-28T04:00+01:00, or "2h ago"',
    })
  }
  if (time > now) throw new CliError('USAGE', `${text} is in the future`)
  return new Date(time)
}
