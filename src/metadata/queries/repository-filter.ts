import type { Expression, ExpressionBuilder, SqlBool } from 'kysely'
import type { RepositoryFilter } from '../metadata.ts'
import type { Schema } from '../schema.ts'

/** The filter as a condition on `repositories.name`; spans of the index, because LIKE would fold case. */
export function withinFilter(
  eb: ExpressionBuilder<Schema, 'repositories'>,
  filter: RepositoryFilter,
): Expression<SqlBool> {
  if (filter === 'all') return eb.val(1).$castTo<SqlBool>()
  if ('names' in filter) return eb('repositories.name', 'in', filter.names)
  return eb.or(
    filter.prefixes.map((prefix) =>
      eb.and([eb('repositories.name', '>=', prefix), eb('repositories.name', '<', successorOf(prefix))]),
    ),
  )
}

/** The first text after all that begin with `prefix`: names are ASCII, and a prefix ends in a slash. */
function successorOf(prefix: string): string {
  const end = prefix.length - 1
  return prefix.slice(0, end) + String.fromCharCode(prefix.charCodeAt(end) + 1)
}
