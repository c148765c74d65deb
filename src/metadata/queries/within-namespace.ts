import type { RawBuilder } from 'kysely'
import { kysely } from '../../database/kysely.ts'

/**
 * Condition on a name of a repository: its first segment. Names are compared by their bytes: `/` is followed by `0`, and `@` by `A`.
 */
export function withinNamespace(name: RawBuilder<unknown>, namespace: string): RawBuilder<unknown> {
  const { sql } = kysely
  const below = sql`(${name} >= ${`${namespace}/`} and ${name} < ${`${namespace}0`})`
  return sql`(${name} = ${namespace} or ${below} or ${isDeleted(name, namespace)})`
}

/** Condition on a name of a repository: it is that of a deleted one, `<former>@<id>`. */
export function isDeleted(name: RawBuilder<unknown>, former: string): RawBuilder<unknown> {
  return kysely.sql`(${name} >= ${`${former}@`} and ${name} < ${`${former}A`})`
}
