import assert from 'node:assert/strict'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import { testOnEngines } from '../../../test/support/database/engines.ts'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'
import { createAccounts } from '../../accounts/create-accounts.ts'
import { OciError } from '../../oci/errors.ts'
import { accountBelongings } from '../database/account-belongings.ts'
import { makeFirstAdmin, prepareFirstAdmin } from './first-admin.ts'

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

test('the password of the first administrator is kept where it is not known if the account was made', async (openDatabase) => {
  await using temporary = await openDatabase()
  const { database, folder: dataDir } = temporary
  await using accounts = createAccounts({
    database,
    belongings: accountBelongings(database),
    htpasswdFile: undefined,
  })
  const options = { dataDir, isSeen: false, logger: pino({ enabled: false }) }
  const admin = await prepareFirstAdmin(accounts, options)
  assert.ok(admin?.passwordFile !== undefined)
  // As where the connection to the database is lost during the commit.
  const add: typeof accounts.add = async (account) => {
    await accounts.add(account)
    throw new OciError('UNAVAILABLE')
  }
  await assert.rejects(makeFirstAdmin({ ...accounts, add }, admin), { code: 'UNAVAILABLE' })
  const password = (await readFile(admin.passwordFile, 'utf8')).trim()
  assert.equal((await accounts.verifyPassword('admin', password))?.isAdmin, true)
  // Another node has made it: this password does not count.
  assert.equal(await makeFirstAdmin(accounts, admin), false)
  await assert.rejects(readFile(admin.passwordFile), { code: 'ENOENT' })
})

test('one of the nodes that start at once on an empty database makes the administrator', async (openDatabase) => {
  await using temporary = await openDatabase()
  const { database } = temporary
  await using folder = await makeTempFolder('first-admin')
  const belongings = accountBelongings(database)
  await using accounts = createAccounts({ database, belongings, htpasswdFile: undefined })
  const logger = pino({ enabled: false })
  const prepare = async (name: string) => {
    const dataDir = join(folder.path, name)
    await mkdir(dataDir)
    return (await prepareFirstAdmin(accounts, { dataDir, isSeen: false, logger })) ?? assert.fail()
  }
  const nodes = [await prepare('one'), await prepare('two')]
  const made = await Promise.all(nodes.map((node) => makeFirstAdmin(accounts, node)))
  assert.deepEqual(made.toSorted(), [false, true])
  const { password } = nodes[made.indexOf(true)] ?? assert.fail()
  assert.ok(await accounts.verifyPassword('admin', password, '127.0.0.1'))
  const files = await Promise.all(['one', 'two'].map((name) => readdir(join(folder.path, name))))
  assert.deepEqual(files[made.indexOf(true)], ['first-password'])
  assert.deepEqual(files[made.indexOf(false)], [])
})
