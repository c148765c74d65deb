import type { ColumnTypes, SchemaChange } from '../../database/migrations.ts'
import { addChange, HOLDING } from './010-sizes.ts'
import { recountSizes } from './recount-sizes.ts'

/**
 * A blob may turn out to have another size than that of its file when it was taken over: once its damage is repaired, the
 * repositories that hold it change with it.
 */
export async function countChangedSizes(db: SchemaChange, types: ColumnTypes): Promise<void> {
  const others = HOLDING.map(
    (table) =>
      `exists (select 1 from ${table} where digest = new.digest and repository_id <> link.repository_id)`,
  )
  const change = `
    select link.repository_id, new.size - old.size,
      case when ${others.join(' or ')} then 0 else new.size - old.size end
    from repository_blobs as link where link.digest = new.digest and new.size <> old.size`
  await types.createTrigger(db, {
    name: 'size_of_blobs_changed',
    table: 'blobs',
    event: 'update of size',
    statements: [addChange(types, change)],
  })
  await recountSizes(db)
}
