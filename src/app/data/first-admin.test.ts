import assert from 'node:assert/strict'
import { testOnEngines } from '../../../test/support/database/engines.ts'
import { createAccounts } from '../../accounts/create-accounts.ts'
import { accountBelongings } from '../database/account-belongings.ts'
import { makeFirstAdmin } from './first-admin.ts'

const test = testOnEngines()

test('the first administrator is made also where repositories exist below the name', async (openDatabase) => {
  await using temporary = await openDatabase()
  const { database } = temporary
  await database.transaction((tx) =>
    tx.insertInto('repositories').values({ name: 'admin/app', created_at: 0 }).execute(),
  )
  await using accounts = createAccounts({
    database,
    belongings: accountBelongings(database),
    htpasswdFile: undefined,
  })
  await makeFirstAdmin(accounts, { name: 'admin', password: 'a password', passwordFile: undefined })
  assert.equal((await accounts.findEnabled('admin'))?.isAdmin, true)
})
