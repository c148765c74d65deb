import type { NameVeil } from './name-veil.ts'

/** Members whose texts are names. */
const NAMED: ReadonlySet<string> = new Set(
  'who repository repositories remote host hosts path site name names user account tag upstream client registry proxy'.split(
    ' ',
  ),
)
/** Members whose texts are words of Berth, which no stranger chooses. */
const FIXED: ReadonlySet<string> = new Set(
  'level time id trace method error code state check version node startedAt'.split(' '),
)

/** A value of JSON with pseudonyms in its texts, not in the names of its members. */
export function veilJson(veil: NameVeil, value: unknown, member = ''): unknown {
  if (typeof value === 'string') return veilText(veil, value, member)
  if (Array.isArray(value)) return value.map((entry) => veilJson(veil, entry, member))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, veilJson(veil, inner, name)]))
}

/** A line of the log; one that is no JSON is text. */
export function veilLine(veil: NameVeil, line: string): string {
  try {
    return JSON.stringify(veilJson(veil, JSON.parse(line)))
  } catch {
    return veil.cover(line)
  }
}

function veilText(veil: NameVeil, text: string, member: string): string {
  if (NAMED.has(member)) return veil.coverNames(text)
  return FIXED.has(member) ? text : veil.cover(text)
}
