import type { MigrationSet } from '../database/migrations.ts'
import { createUsers } from './migrations/001-users.ts'
import { createLoginPlaceTable } from './migrations/002-login-places.ts'
import { addHeldNames } from './migrations/003-held-names.ts'
import { createRobotsAndSecrets } from './migrations/004-robots-and-secrets.ts'
import { addDirectory } from './migrations/005-directory.ts'

/** The schema of accounts, step by step; `schema.ts` describes the columns. */
export const ACCOUNTS_MIGRATIONS: MigrationSet = {
  capability: 'accounts',
  migrations: {
    '001-users': createUsers,
    '002-login-places': createLoginPlaceTable,
    '003-held-names': addHeldNames,
    '004-robots-and-secrets': createRobotsAndSecrets,
    '005-directory': addDirectory,
  },
  formerNames: {
    '001-users': '001-initial',
    '002-login-places': '003-login-places',
    '003-held-names': '004-account-ids',
  },
}
