import type { Expression, ExpressionBuilder, SqlBool } from 'kysely'
import type { RepositoryFilter } from '../metadata.ts'
import type { MetadataSchema } from '../schema.ts'

/** Conditions joined at one level: SQLite nests them, and allows a depth of 1,000. */
const JOINED = 200
/**
 * Most prefixes of one query: SQLite plans each of them, which takes the process 22 ms for 500 and a second for 4,000. With
 * more, `includes` decides alone.
 */
const MAX_PREFIXES = 500
/** Most names of one query: each is a parameter, of which SQLite takes 32,766; they are one list, which is planned at once. */
const MAX_NAMES = 8_000

/** True if the filter has the repository. */
export function isWithin(filter: RepositoryFilter, name: string): boolean {
  if (filter === 'all') return true
  const { names = [], prefixes = [], includes = () => true } = filter
  return (names.includes(name) || prefixes.some((prefix) => name.startsWith(prefix))) && includes(name)
}

/**
 * The spans of the filter as a condition on `repositories.name`; `includes` narrows what is found. Spans of the index,
 * because LIKE would fold case.
 */
export function withinSpans(
  eb: ExpressionBuilder<MetadataSchema, 'repositories'>,
  filter: RepositoryFilter,
): Expression<SqlBool> {
  if (filter === 'all') return eb.lit(true)
  const { names = [], prefixes = [], includes } = filter
  if (prefixes.includes('')) return eb.lit(true)
  if (includes && (names.length > MAX_NAMES || prefixes.length > MAX_PREFIXES)) return eb.lit(true)
  const spans = prefixes.map((prefix) =>
    eb.and([eb('repositories.name', '>=', prefix), eb('repositories.name', '<', toUpperBound(prefix))]),
  )
  if (names.length > 0) spans.push(eb.and([eb('repositories.name', 'in', names)]))
  return spans.length === 0 ? eb.lit(false) : join(eb, spans)
}

function join(
  eb: ExpressionBuilder<MetadataSchema, 'repositories'>,
  conditions: readonly ReturnType<typeof eb.and>[],
): Expression<SqlBool> {
  const groups = []
  for (let at = 0; at < conditions.length; at += JOINED) groups.push(eb.or(conditions.slice(at, at + JOINED)))
  return eb.or(groups)
}

/** The first text after all that begin with `prefix`: names are ASCII, and a prefix ends in a slash. */
function toUpperBound(prefix: string): string {
  const end = prefix.length - 1
  return prefix.slice(0, end) + String.fromCharCode(prefix.charCodeAt(end) + 1)
}
