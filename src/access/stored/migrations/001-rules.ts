import type { ColumnTypes, SchemaChange } from '../../../database/migrations.ts'

/** Groups, rules and visibility. */
export async function createRules(db: SchemaChange, { integer, text, identity }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('access_groups')
    .addColumn('id', integer, identity)
    .addColumn('name', text, (column) => column.notNull().unique())
    .execute()
  await db.schema
    .createTable('access_members')
    .addColumn('group_id', integer, (column) =>
      column.notNull().references('access_groups.id').onDelete('cascade'),
    )
    .addColumn('member', text, (column) => column.notNull())
    .addPrimaryKeyConstraint('access_members_key', ['group_id', 'member'])
    .execute()
  await db.schema
    .createTable('access_rules')
    .addColumn('who', text, (column) => column.notNull())
    .addColumn('place', text, (column) => column.notNull())
    .addColumn('what', text, (column) => column.notNull())
    .addPrimaryKeyConstraint('access_rules_key', ['who', 'place'])
    .execute()
  await db.schema
    .createTable('access_visibility')
    .addColumn('place', text, (column) => column.primaryKey().notNull())
    .addColumn('visibility', text, (column) => column.notNull())
    .execute()
  await db.schema
    .createTable('access_state')
    .addColumn('id', integer, (column) => column.primaryKey().notNull())
    .addColumn('version', integer, (column) => column.notNull())
    .addColumn('changed_at', integer, (column) => column.notNull())
    .addColumn('changed_by', text)
    .execute()
}
