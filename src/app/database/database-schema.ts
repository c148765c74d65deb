import { ACCESS_MIGRATIONS } from '../../access/stored/migrations.ts'
import type { AccessSchema } from '../../access/stored/schema.ts'
import { ACCOUNTS_MIGRATIONS } from '../../accounts/migrations.ts'
import type { AccountsSchema } from '../../accounts/schema.ts'
import { COPY_MIGRATIONS } from '../../database/copy/copy-progress.ts'
import { kysely } from '../../database/kysely.ts'
import type { MigrationSet, SchemaChange } from '../../database/migrations.ts'
import { EVENTS_MIGRATIONS } from '../../events/migrations.ts'
import type { EventsSchema } from '../../events/schema.ts'
import { METADATA_MIGRATIONS } from '../../metadata/migrations.ts'
import type { MetadataSchema } from '../../metadata/schema.ts'
import { TOKENS_MIGRATIONS } from '../../tokens/migrations.ts'
import type { TokensSchema } from '../../tokens/schema.ts'

/** All tables of one Berth; each capability gets the database as one of its own tables only. */
export interface BerthSchema
  extends MetadataSchema,
    AccountsSchema,
    TokensSchema,
    EventsSchema,
    AccessSchema {}

/** Migrations of all capabilities, in the order in which they run. */
export const MIGRATION_SETS: readonly MigrationSet[] = [
  METADATA_MIGRATIONS,
  ACCOUNTS_MIGRATIONS,
  TOKENS_MIGRATIONS,
  EVENTS_MIGRATIONS,
  ACCESS_MIGRATIONS,
  COPY_MIGRATIONS,
  {
    capability: 'berth',
    migrations: { '001-uploads-of-accounts': giveUploadsToAccounts },
    formerNames: { '001-uploads-of-accounts': '004-account-ids' },
  },
]

/**
 * Binds upload sessions to an account in place of its name. Sessions that no stored account has opened belong to one of
 * an htpasswd file.
 */
async function giveUploadsToAccounts(db: SchemaChange): Promise<void> {
  await kysely.sql`
    update uploads set principal = coalesce(
      (select 'user:' || users.id from users where users.name = uploads.principal),
      'htpasswd:' || uploads.principal
    )`.execute(db)
}
