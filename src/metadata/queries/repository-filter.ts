import type { Expression, ExpressionBuilder, SqlBool } from 'kysely'
import type { RepositoryFilter } from '../metadata.ts'
import type { MetadataSchema } from '../schema.ts'

/** The filter as a condition on `repositories.name`; spans of the index, because LIKE would fold case. */
export function withinFilter(
  eb: ExpressionBuilder<MetadataSchema, 'repositories'>,
  filter: RepositoryFilter,
): Expression<SqlBool> {
  if (filter === 'all') return eb.lit(true)
  if ('names' in filter)
    return filter.names.length === 0 ? eb.lit(false) : eb('repositories.name', 'in', filter.names)
  if (filter.prefixes.length === 0) return eb.lit(false)
  return eb.or(
    filter.prefixes.map((prefix) =>
      eb.and([eb('repositories.name', '>=', prefix), eb('repositories.name', '<', toUpperBound(prefix))]),
    ),
  )
}

/** The first text after all that begin with `prefix`: names are ASCII, and a prefix ends in a slash. */
function toUpperBound(prefix: string): string {
  const end = prefix.length - 1
  return prefix.slice(0, end) + String.fromCharCode(prefix.charCodeAt(end) + 1)
}
