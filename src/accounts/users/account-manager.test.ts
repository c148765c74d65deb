import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { testOnEngines } from '../../../test/support/database/engines.ts'
import type { OpenDatabase } from '../../../test/support/database/test-engine.ts'
import { CHEAP_PASSWORDS } from '../../../test/support/program/cheap-passwords.ts'
import { parseAccessDocument } from '../../access/document/parse-document.ts'
import { createAccessManager } from '../../access/stored/create-access-manager.ts'
import { accountBelongings } from '../../app/database/account-belongings.ts'
import { accountDirectory } from '../../app/database/account-directory.ts'
import { createAccounts } from '../create-accounts.ts'

const test = testOnEngines()

const NOW = 1_800_000_000_000
const PASSWORD = 'correct horse'

async function setUp(openDatabase: OpenDatabase, htpasswd?: string) {
  const temporary = await openDatabase()
  const htpasswdFile = htpasswd === undefined ? undefined : join(temporary.folder, 'htpasswd')
  if (htpasswdFile !== undefined) await writeFile(htpasswdFile, htpasswd ?? '')
  const { database } = temporary
  const accounts = createAccounts({
    database,
    belongings: accountBelongings(database),
    htpasswdFile,
    clock: () => NOW,
    passwordCost: CHEAP_PASSWORDS,
  })
  const add = (name: string, isAdmin = false) => accounts.add({ name, password: PASSWORD, isAdmin })
  const close = async (): Promise<void> => {
    await accounts.close()
    await temporary[Symbol.asyncDispose]()
  }
  return { accounts, add, database, [Symbol.asyncDispose]: close }
}

test('an account and its robots take their rules and memberships along, and the version of the rules rises', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  for (const name of ['alice', 'bob']) await t.add(name)
  const { robots } = t.accounts
  const robot = { description: '', limits: undefined, hasSecret: false, expiresAt: undefined }
  for (const name of ['free', 'other']) await robots.create({ ...robot, name })
  await robots.create({ ...robot, name: 'owned', owner: 'alice' })
  const access = createAccessManager(t.database, accountDirectory(t.database))
  const where = 'team/**'
  const document = (names: readonly string[]) =>
    parseAccessDocument({
      groups: { all: names },
      rules: names.map((who) => ({ who, where, what: 'pull' })),
    })
  const all = ['robot:free', 'robot:other', 'robot:owned', 'user:alice', 'user:bob']
  await access.change(() => document(all))
  await t.accounts.remove('alice')
  assert.deepEqual(
    await access.read().then(({ version, document }) => [version, document.groups[0]?.members]),
    [3, ['robot:free', 'robot:other', 'user:bob']],
  )
  await robots.remove('free')
  const { version, document: left } = await access.read()
  assert.deepEqual([version, left], [4, document(['robot:other', 'user:bob'])])
  await assert.rejects(
    access.change(() => document([]), { expected: 3 }),
    { code: 'ACCESS_CHANGED' },
  )
  const rows = await t.database.read.selectFrom('access_rules').select('who').orderBy('who').execute()
  assert.deepEqual(
    rows.map(({ who }) => who),
    ['robot:2', 'user:2'],
  )
  await access.change(() => document([]))
  await robots.remove('other')
  assert.equal((await access.read()).version, 5)
})

test('`add()` makes an account, and `isEmpty()` tells the first run', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  assert.equal(await t.accounts.isEmpty(), true)
  await t.add('root', true)
  await t.add('alice')
  assert.equal(await t.accounts.isEmpty(), false)
  assert.deepEqual(await t.accounts.list(), [
    {
      id: 'user:2',
      name: 'alice',
      owns: ['alice'],
      isAdmin: false,
      isDisabled: false,
      source: 'database',
      version: '2.1',
      createdAt: new Date(NOW),
    },
    {
      id: 'user:1',
      name: 'root',
      owns: ['root'],
      isAdmin: true,
      isDisabled: false,
      source: 'database',
      version: '1.1',
      createdAt: new Date(NOW),
    },
  ])
  const rows = await t.database.read.selectFrom('users').selectAll().execute()
  assert.equal(JSON.stringify(rows).includes(PASSWORD), false)
})

test('`add()` refuses a name that is taken, also when two add it at once', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  const results = await Promise.allSettled([t.add('alice'), t.add('alice')])
  assert.deepEqual(results.map((result) => result.status).sort(), ['fulfilled', 'rejected'])
  await assert.rejects(t.add('alice', true), { name: 'AccountError', code: 'ALREADY_EXISTS' })
  assert.equal((await t.accounts.findEnabled('alice'))?.isAdmin, false)
})

test('`add()` refuses names that could not own a repository', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  const names = [
    '',
    'Alice',
    'a/b',
    'a b',
    '.',
    '..',
    'a..b',
    '-a',
    'a-',
    'a__b',
    'a:b',
    'ä',
    'a\n',
    'a'.repeat(65),
  ]
  for (const name of names) await assert.rejects(t.add(name), { code: 'NAME_INVALID' }, name)
  for (const name of ['a', '0', 'a.b_c-d', 'a'.repeat(64)]) await t.add(name)
})

test('`add()` and `setPassword()` bound the length of a password', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  await t.add('alice')
  const cases = [
    ['', 'PASSWORD_TOO_SHORT'],
    ['1234567', 'PASSWORD_TOO_SHORT'],
    ['\u{1f511}'.repeat(7), 'PASSWORD_TOO_SHORT'],
    ['x'.repeat(1_025), 'PASSWORD_TOO_LONG'],
    ['ä'.repeat(513), 'PASSWORD_TOO_LONG'],
  ] as const
  for (const [password, code] of cases) {
    await assert.rejects(t.accounts.add({ name: 'bob', password, isAdmin: false }), { code })
    await assert.rejects(t.accounts.setPassword('alice', password), { code })
  }
  await t.accounts.setPassword('alice', 'x'.repeat(1_024))
  assert.ok(await t.accounts.verifyPassword('alice', 'x'.repeat(1_024)))
})

test('changes of an unknown account are refused, also of one that stands in the htpasswd file', async (openDatabase) => {
  await using t = await setUp(openDatabase, 'carol:{SHA}x\n')
  for (const [name, message] of [
    ['nobody', /no account "nobody"/],
    ['carol', /htpasswd file/],
  ] as const) {
    const expected = { code: 'UNKNOWN_ACCOUNT', message }
    await assert.rejects(t.accounts.setPassword(name, PASSWORD), expected)
    await assert.rejects(t.accounts.remove(name), expected)
    await assert.rejects(t.accounts.setDisabled(name, true), expected)
  }
})

test('the last enabled administrator cannot be removed or disabled', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  await t.add('one', true)
  await t.add('two', true)
  await t.add('alice')
  await t.accounts.setDisabled('two', true)
  await assert.rejects(t.accounts.remove('one'), { code: 'LAST_ADMIN' })
  await assert.rejects(t.accounts.setDisabled('one', true), { code: 'LAST_ADMIN' })
  await t.accounts.setDisabled('one', false)
  await t.accounts.setDisabled('two', false)
  const results = await Promise.allSettled([t.accounts.remove('one'), t.accounts.setDisabled('two', true)])
  assert.deepEqual(results.map((result) => result.status).sort(), ['fulfilled', 'rejected'])
  await t.accounts.setDisabled('alice', true)
  await t.accounts.remove('alice')
})

test('a change that ends log-ins gives another version and drops the refresh tokens of that name alone', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  await t.add('root', true)
  await t.add('alice')
  const versions = new Set<string | undefined>()
  const changes = [
    () => t.accounts.setPassword('alice', 'another password'),
    () => t.accounts.setDisabled('alice', true),
    () => t.accounts.setDisabled('alice', false),
    () => t.accounts.remove('alice'),
  ]
  for (const change of changes) {
    await insertRefreshTokens(t.database)
    await change()
    const rows = await t.database.read.selectFrom('refresh_tokens').select('user_name').execute()
    assert.deepEqual(
      rows.map((row) => row.user_name),
      ['root'],
    )
    versions.add((await t.accounts.list()).find((account) => account.name === 'alice')?.version)
  }
  await t.add('alice')
  versions.add((await t.accounts.findEnabled('alice'))?.version)
  assert.equal(versions.size, 5)
})

type Database = Awaited<ReturnType<OpenDatabase>>['database']

async function insertRefreshTokens(database: Database): Promise<void> {
  await database.transaction((tx) => tx.deleteFrom('refresh_tokens').execute())
  for (const name of ['alice', 'root']) {
    await database.transaction((tx) =>
      tx
        .insertInto('refresh_tokens')
        .values({
          id: name,
          hash: name,
          user_name: name,
          user_version: '',
          client_id: '',
          created_at: NOW,
          expires_at: NOW + 1,
        })
        .execute(),
    )
  }
}

test('a change that changes nothing ends no log-in', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  await t.add('alice')
  const before = await t.accounts.list()
  await t.accounts.setDisabled('alice', false)
  assert.deepEqual(await t.accounts.list(), before)
})

test('`list()` shows the htpasswd file too, by name, below what the database says', async (openDatabase) => {
  const hash = '$2y$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy'
  await using t = await setUp(openDatabase, `zoe:${hash}\nalice:${hash}\nMax:{SHA}x\n`)
  await t.add('alice', true)
  const shown = (await t.accounts.list()).map((account) => [
    account.name,
    account.source,
    account.isAdmin,
    account.isDisabled,
  ])
  assert.deepEqual(shown, [
    ['Max', 'htpasswd', false, true],
    ['alice', 'database', true, false],
    ['zoe', 'htpasswd', false, false],
  ])
})
