import type { ColumnTypes, SchemaChange } from '../../database/migrations.ts'
import { recountSizes } from './recount-sizes.ts'

/** Tables whose rows say that a repository holds the content of a digest. */
export const HOLDING = ['repository_blobs', 'manifests', 'trashed_manifests'] as const

/** Sizes of repositories, kept by triggers on the tables of what they hold. */
export async function addSizes(db: SchemaChange, types: ColumnTypes): Promise<void> {
  const { integer, identity, byPrimaryKey } = types
  const sizes = db.schema
    .createTable('repository_sizes')
    .addColumn('repository_id', integer, (column) => column.primaryKey().notNull())
    .addColumn('bytes', integer, (column) => column.notNull())
    .addColumn('unique_bytes', integer, (column) => column.notNull())
  await byPrimaryKey(sizes).execute()
  await db.schema
    .createTable('size_changes')
    .addColumn('id', integer, identity)
    .addColumn('repository_id', integer, (column) => column.notNull())
    .addColumn('bytes', integer, (column) => column.notNull())
    .addColumn('unique_bytes', integer, (column) => column.notNull())
    .execute()
  for (const table of HOLDING) await countRowsOf(db, types, table)
  await types.createTrigger(db, {
    name: 'forget_size',
    table: 'repositories',
    event: 'delete',
    statements: ['delete from repository_sizes where repository_id = old.id'],
  })
  await recountSizes(db)
}

async function countRowsOf(
  db: SchemaChange,
  types: ColumnTypes,
  table: (typeof HOLDING)[number],
): Promise<void> {
  for (const event of ['insert', 'delete'] as const) {
    const row = event === 'insert' ? 'new' : 'old'
    const sign = event === 'insert' ? '' : '-'
    const size =
      table === 'repository_blobs' ? `(select size from blobs where digest = ${row}.digest)` : `${row}.size`
    const others = HOLDING.map((other) => `select 1 from ${other} where ${ofAnother(row)}`)
    const ownChange = `
      select ${row}.repository_id, ${sign}${size},
        case when ${others.map((query) => `exists (${query})`).join(' or ')} then 0 else ${sign}${size} end
      where ${heldOnlyHere(table, row)}`
    // The only other repository that holds it: with this one it is, or was, not the only one.
    const otherChange = `
      select other.id, 0, ${event === 'insert' ? '-' : ''}${size}
      from (select min(repository_id) as id, count(*) as number from (${otherHolders(row)}) as holders) as other
      where other.number = 1 and ${heldOnlyHere(table, row)}`
    await types.createTrigger(db, {
      name: `size_of_${table}_${event}`,
      table,
      event,
      statements: [ownChange, otherChange].map((change) => addChange(types, change)),
    })
  }
}

function ofAnother(row: 'new' | 'old'): string {
  return `digest = ${row}.digest and repository_id <> ${row}.repository_id`
}

/** No other table says that this repository holds the digest. */
function heldOnlyHere(table: string, row: 'new' | 'old'): string {
  return HOLDING.filter((other) => other !== table)
    .map(
      (other) =>
        `not exists (select 1 from ${other} where repository_id = ${row}.repository_id and digest = ${row}.digest)`,
    )
    .join(' and ')
}

/** Two of each table are enough to tell whether there is exactly one: a digest may have thousands. */
function otherHolders(row: 'new' | 'old'): string {
  return HOLDING.map(
    (other) =>
      `select repository_id from (select repository_id from ${other} where ${ofAnother(row)} limit 2) as of_${other}`,
  ).join(' union ')
}

/** Writers side by side each add a row; a single one adds to the sum itself. */
export function addChange({ hasOneWriter }: ColumnTypes, change: string): string {
  if (!hasOneWriter) return `insert into size_changes (repository_id, bytes, unique_bytes) ${change}`
  return `
    insert into repository_sizes (repository_id, bytes, unique_bytes) ${change}
    on conflict (repository_id) do update set
      bytes = repository_sizes.bytes + excluded.bytes,
      unique_bytes = repository_sizes.unique_bytes + excluded.unique_bytes`
}
