const UNITS_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const

/** Longest duration: a hundred years. */
const MAX_MS = 100 * 365 * UNITS_MS.d

/** Parses a duration such as `12h`, `3d` or `2w` to milliseconds; units are s, m, h, d and w. Undefined if it is none, or 0. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9})([smhdw])$/.exec(text.trim())
  if (!match) return undefined
  const [, count, unit] = match
  const ms = Number(count) * UNITS_MS[unit as keyof typeof UNITS_MS]
  return ms > 0 && ms <= MAX_MS ? ms : undefined
}
