import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hashSync } from 'bcryptjs'
import { testOnEngines } from '../../../test/support/database/engines.ts'
import type { OpenDatabase } from '../../../test/support/database/test-engine.ts'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'
import { accountBelongings } from '../../app/database/account-belongings.ts'
import { createAccounts } from '../create-accounts.ts'
import { createHtpasswdChecker } from '../log-in/htpasswd-checker.ts'
import { LoginGuard } from '../log-in/login-guard.ts'

const test = testOnEngines()

const line = (name: string, password: string): string => `${name}:${hashSync(password, 4)}\n`

async function setUp(openDatabase: OpenDatabase) {
  await using resources = new AsyncDisposableStack()
  const { database } = resources.use(await openDatabase())
  const folder = resources.use(await makeTempFolder('htpasswd'))
  const clock = { now: Date.now() }
  const heard: string[] = []
  const path = (name: string): string => join(folder.path, name)
  await writeFile(path('own'), line('alice', 'own'))
  await writeFile(path('one'), line('alice', 'one') + line('bob', 'one'))
  await writeFile(path('two'), `${line('bob', 'two') + line('carol', 'two')}dora:{PLAIN}two\n`)
  const accounts = resources.use(
    createAccounts({
      database,
      belongings: accountBelongings(database),
      htpasswdFile: path('own'),
      clock: () => clock.now,
      onHtpasswdChange: (status, file) =>
        heard.push(`${file.slice(-3)} ${status.usableAccounts} ${status.problem ?? ''}`.trimEnd()),
    }),
  )
  const kept = resources.move()
  return {
    accounts,
    path,
    heard,
    clock,
    names: async () => (await accounts.list()).map((account) => account.name).join(','),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

test('`setHtpasswdFiles()` adds accounts; where a name stands twice the file named first counts', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  assert.equal(await t.names(), 'alice')
  t.accounts.setHtpasswdFiles([t.path('one'), t.path('two')])
  assert.equal(await t.names(), 'alice,bob,carol,dora')
  for (const [name, password] of [
    ['alice', 'own'],
    ['bob', 'one'],
    ['carol', 'two'],
  ] as const) {
    assert.equal((await t.accounts.verifyPassword(name, password))?.isAdmin, false)
  }
  for (const [name, password] of [
    ['alice', 'one'],
    ['bob', 'two'],
    ['dora', 'two'],
  ] as const) {
    assert.equal(await t.accounts.verifyPassword(name, password), undefined)
  }
  assert.deepEqual(t.heard, ['own 1', 'one 2', 'two 2'])
})

test('`setHtpasswdFiles()` takes accounts away at once, those that were remembered too', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  t.accounts.setHtpasswdFiles([t.path('one'), t.path('two')])
  assert.ok(await t.accounts.verifyPassword('bob', 'one'))
  const before = await t.accounts.findEnabled('bob')
  t.accounts.setHtpasswdFiles([t.path('two')])
  assert.equal(await t.accounts.verifyPassword('bob', 'one'), undefined)
  const after = await t.accounts.findEnabled('bob')
  assert.ok(before && after && before.version !== after.version)
  t.accounts.setHtpasswdFiles([])
  assert.equal(await t.accounts.findEnabled('bob'), undefined)
  assert.equal(await t.accounts.verifyPassword('carol', 'two'), undefined)
  assert.ok(await t.accounts.verifyPassword('alice', 'own'))
})

test('`setHtpasswdFiles()` takes a file that is not there, and one that comes', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  await rm(t.path('one'))
  t.accounts.setHtpasswdFiles([t.path('one'), t.path('two')])
  assert.equal((await t.accounts.findEnabled('bob'))?.name, 'bob')
  assert.ok(t.heard.includes('one 0 The htpasswd file cannot be read (ENOENT)'))
  assert.equal((await t.accounts.htpasswdStatus())?.problem, undefined)
  await writeFile(t.path('one'), line('erin', 'new'))
  t.clock.now += 10_000
  assert.ok(await t.accounts.verifyPassword('erin', 'new'))
})

test('`setHtpasswdFiles()` refuses more files than it looks at', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  const paths = Array.from({ length: 16 }, (_, index) => t.path(`${index}`))
  assert.throws(() => t.accounts.setHtpasswdFiles(paths), RangeError)
  t.accounts.setHtpasswdFiles(paths.slice(1))
})

test('accounts and a checker with one guard count the failures of an address together', async (openDatabase) => {
  await using temporary = await openDatabase()
  const file = join(temporary.folder, 'users')
  await writeFile(file, `${line('bob', 'right')}sha:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n`)
  await using guard = new LoginGuard()
  const checker = createHtpasswdChecker({ guard })
  const accounts = createAccounts({
    database: temporary.database,
    belongings: accountBelongings(temporary.database),
    htpasswdFile: file,
    guard,
  })
  const address = '2001:db8::'
  for (let index = 0; index < 100; index++) {
    assert.equal((await checker.check(file, `n${index}`, 'guess', `${address}${index}`)).kind, 'wrong')
  }
  await assert.rejects(accounts.verifyPassword('bob', 'right', `${address}ffff`), {
    code: 'TOO_MANY_ATTEMPTS',
    message: 'Too many failed log-ins from this address',
  })
  assert.ok(await accounts.verifyPassword('bob', 'right', '2001:db8:1::1'))
  assert.equal((await checker.check(file, 'bob', 'right', '2001:db8:1::1')).kind, 'right')
  // A shared part is closed by its owner.
  await accounts.close()
  await checker.close()
  assert.equal(await guard.verifier.verify('password', 'abJnggxhB/yWI'), true)
})
