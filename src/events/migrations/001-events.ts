import type { ColumnTypes, SchemaChange } from '../../database/migrations.ts'

/** Hash that the first event of a chain counts as following. */
export const FIRST_HASH = '0'.repeat(64)

/** Events, the audit log and webhooks. */
export async function createEvents(db: SchemaChange, types: ColumnTypes): Promise<void> {
  await createLog(db, types)
  await createWebhooks(db, types)
}

async function createLog(db: SchemaChange, types: ColumnTypes): Promise<void> {
  const { integer, text, identity, byPrimaryKey } = types
  await db.schema
    .createTable('event_outbox')
    .addColumn('id', integer, identity)
    .addColumn('at', integer, (column) => column.notNull())
    .addColumn('body', text, (column) => column.notNull())
    .execute()
  await db.schema
    .createTable('audit_log')
    .addColumn('position', integer, (column) => column.primaryKey().notNull())
    .addColumn('at', integer, (column) => column.notNull())
    .addColumn('action', text, (column) => column.notNull())
    .addColumn('outcome', text, (column) => column.notNull())
    .addColumn('who', text)
    .addColumn('repository', text)
    .addColumn('body', text, (column) => column.notNull())
    .addColumn('hash', text, (column) => column.notNull())
    .execute()
  const head = db.schema
    .createTable('audit_head')
    .addColumn('id', integer, (column) => column.primaryKey().notNull())
    .addColumn('position', integer, (column) => column.notNull())
    .addColumn('hash', text, (column) => column.notNull())
    .addColumn('anchor_position', integer, (column) => column.notNull())
    .addColumn('anchor_hash', text, (column) => column.notNull())
    .addColumn('size', integer, (column) => column.notNull())
  await head.execute()
  const turns = db.schema
    .createTable('event_turns')
    .addColumn('name', text, (column) => column.primaryKey().notNull())
    .addColumn('holder', text, (column) => column.notNull())
    .addColumn('held_until', integer, (column) => column.notNull())
  await byPrimaryKey(turns).execute()
}

async function createWebhooks(db: SchemaChange, types: ColumnTypes): Promise<void> {
  const { integer, text, identity } = types
  await db.schema
    .createTable('webhooks')
    .addColumn('id', integer, identity)
    .addColumn('name', text, (column) => column.notNull().unique())
    .addColumn('url', text, (column) => column.notNull())
    .addColumn('format', text, (column) => column.notNull())
    .addColumn('repositories', text, (column) => column.notNull())
    .addColumn('actions', text, (column) => column.notNull())
    .addColumn('secret', text)
    .addColumn('headers', text, (column) => column.notNull())
    .addColumn('source', text, (column) => column.notNull())
    .addColumn('timeout_ms', integer, (column) => column.notNull())
    .addColumn('is_paused', integer, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .execute()
  await db.schema
    .createTable('webhook_deliveries')
    .addColumn('id', integer, identity)
    .addColumn('webhook_id', integer, (column) =>
      column.notNull().references('webhooks.id').onDelete('cascade'),
    )
    .addColumn('position', integer, (column) => column.notNull())
    .addColumn('repository', text, (column) => column.notNull())
    .addColumn('state', text, (column) => column.notNull())
    .addColumn('attempts', integer, (column) => column.notNull())
    .addColumn('due_at', integer, (column) => column.notNull())
    .addColumn('changed_at', integer, (column) => column.notNull())
    .addColumn('status', integer)
    .addColumn('reason', text)
    .addColumn('body', text, (column) => column.notNull())
    .execute()
  await db.schema
    .createIndex('webhook_deliveries_in_order')
    .on('webhook_deliveries')
    .columns(['webhook_id', 'state', 'repository', 'id'])
    .execute()
}
