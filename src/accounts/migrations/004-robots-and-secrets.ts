import type { ColumnTypes, SchemaChange } from '../../database/migrations.ts'

/** Robots, and the secrets by which they and persons log in beside a password. */
export async function createRobotsAndSecrets(db: SchemaChange, types: ColumnTypes): Promise<void> {
  await createRobots(db, types)
  await createSecrets(db, types)
  await createTrusts(db, types)
  await createInvitations(db, types)
}

async function createRobots(db: SchemaChange, { integer, text, identity }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('robots')
    .addColumn('id', integer, identity)
    .addColumn('name', text, (column) => column.notNull().unique())
    .addColumn('owner_id', integer, (column) => column.references('users.id').onDelete('cascade'))
    .addColumn('description', text, (column) => column.notNull())
    .addColumn('limits', text, (column) => column.notNull())
    .addColumn('is_disabled', integer, (column) => column.notNull())
    .addColumn('version', integer, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .execute()
  await db.schema.createIndex('robots_by_owner').on('robots').column('owner_id').execute()
}

async function createSecrets(db: SchemaChange, { integer, text }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('account_secrets')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('user_id', integer, (column) => column.references('users.id').onDelete('cascade'))
    .addColumn('robot_id', integer, (column) => column.references('robots.id').onDelete('cascade'))
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('limits', text, (column) => column.notNull())
    .addColumn('hash', text, (column) => column.notNull().unique())
    .addColumn('previous_hash', text)
    .addColumn('previous_until', integer)
    .addColumn('created_at', integer, (column) => column.notNull())
    .addColumn('rotated_at', integer)
    .addColumn('expires_at', integer)
    .addColumn('used_at', integer)
    .addColumn('used_from', text)
    .execute()
  const unique = { user: ['user_id', 'name'], robot: ['robot_id'] } as const
  for (const [owner, columns] of Object.entries(unique))
    await db.schema
      .createIndex(`account_secrets_of_${owner}`)
      .on('account_secrets')
      .columns([...columns])
      .unique()
      .execute()
  await db.schema
    .createIndex('account_secrets_by_previous_hash')
    .on('account_secrets')
    .column('previous_hash')
    .execute()
}

async function createTrusts(db: SchemaChange, { integer, text }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('robot_trusts')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('robot_id', integer, (column) => column.notNull().references('robots.id').onDelete('cascade'))
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('issuer', text, (column) => column.notNull())
    .addColumn('audience', text, (column) => column.notNull())
    .addColumn('required_claims', text, (column) => column.notNull())
    .addColumn('ca', text, (column) => column.notNull())
    .addColumn('jwks', text, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .addColumn('used_at', integer)
    .addColumn('used_from', text)
    .execute()
  await db.schema
    .createIndex('robot_trusts_of_robot')
    .on('robot_trusts')
    .columns(['robot_id', 'name'])
    .unique()
    .execute()
  await db.schema.createIndex('robot_trusts_by_issuer').on('robot_trusts').column('issuer').execute()
  await db.schema
    .createTable('accepted_id_tokens')
    .addColumn('hash', text, (column) => column.primaryKey().notNull())
    .addColumn('trust_id', text, (column) =>
      column.notNull().references('robot_trusts.id').onDelete('cascade'),
    )
    .addColumn('accepted_at', integer, (column) => column.notNull())
    .addColumn('counts_until', integer, (column) => column.notNull())
    .execute()
  await db.schema
    .createIndex('accepted_id_tokens_by_end')
    .on('accepted_id_tokens')
    .column('counts_until')
    .execute()
  await db.schema
    .createIndex('accepted_id_tokens_by_trust')
    .on('accepted_id_tokens')
    .column('trust_id')
    .execute()
}

async function createInvitations(db: SchemaChange, { integer, text }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('invitations')
    .addColumn('user_id', integer, (column) =>
      column.primaryKey().notNull().references('users.id').onDelete('cascade'),
    )
    .addColumn('hash', text, (column) => column.notNull().unique())
    .addColumn('created_at', integer, (column) => column.notNull())
    .addColumn('expires_at', integer, (column) => column.notNull())
    .execute()
}
