import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { testOnEngines } from '../../../test/support/database/engines.ts'
import type { OpenDatabase } from '../../../test/support/database/test-engine.ts'
import { CHEAP_PASSWORDS } from '../../../test/support/program/cheap-passwords.ts'
import { accountBelongings } from '../../app/database/account-belongings.ts'
import type { AccountBelongings } from '../belongings.ts'
import { createAccounts } from '../create-accounts.ts'
import { type Directory, DirectoryError, type DirectoryPerson } from '../directory.ts'

const test = testOnEngines()

const PASSWORD = 'correct horse'
const ADMINS = 'berth-admins'

/** Persons in memory, with their passwords as they are; counts the questions. */
class PersonBook implements Directory {
  readonly persons = new Map<string, DirectoryPerson & { password: string }>()
  isAway = false
  /** True: a wrong setting hides all persons. */
  isBlind = false
  questions = 0

  set(person: Partial<DirectoryPerson> & { name: string }, password = PASSWORD): void {
    this.persons.set(person.name, { id: `entryUUID:${person.name}`, groups: [], ...person, password })
  }

  async verify(name: string, password: string): Promise<DirectoryPerson | undefined> {
    this.questions++
    if (this.isAway) throw new DirectoryError('It cannot be reached (ECONNREFUSED)')
    const person = this.persons.get(name)
    return person?.password === password ? person : undefined
  }

  async find(name: string): Promise<DirectoryPerson | undefined> {
    if (this.isAway) throw new DirectoryError('It cannot be reached (ECONNREFUSED)')
    return this.isBlind ? undefined : this.persons.get(name)
  }
}

async function setUp(openDatabase: OpenDatabase, { htpasswd = '', hasDirectory = true } = {}) {
  const temporary = await openDatabase()
  const htpasswdFile = join(temporary.folder, 'htpasswd')
  await writeFile(htpasswdFile, htpasswd)
  const { database } = temporary
  const book = new PersonBook()
  const troubles: string[] = []
  /** Names with a repository below them. */
  const filled = new Set<string>()
  const belongings: AccountBelongings = {
    ...accountBelongings(database),
    findRepositories: async (name) =>
      filled.has(name) ? { count: 1, names: [`${name}/app`] } : { count: 0, names: [] },
  }
  const open = (isOn: boolean) =>
    createAccounts({
      database,
      belongings,
      htpasswdFile,
      passwordCost: CHEAP_PASSWORDS,
      directory: isOn
        ? {
            persons: book,
            adminGroup: ADMINS,
            onTrouble: (name, error) => troubles.push(`${name}: ${error.message}`),
          }
        : undefined,
    })
  const accounts = open(hasDirectory)
  return {
    accounts,
    book,
    troubles,
    filled,
    database,
    open,
    async [Symbol.asyncDispose]() {
      await accounts.close()
      await temporary[Symbol.asyncDispose]()
    },
  }
}

test('a person has an account from the first log-in on, and the password stays in the directory', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  t.book.set({ name: 'alice', groups: ['builders'] })
  assert.equal(await t.accounts.verifyPassword('alice', 'wrong'), undefined)
  assert.deepEqual(await t.accounts.list(), [])
  const account = await t.accounts.verifyPassword('alice', PASSWORD)
  assert.deepEqual(
    [account?.source, account?.isAdmin, account?.owns, account?.directoryGroups],
    ['directory', false, ['alice'], ['builders']],
  )
  assert.equal((await t.accounts.findEnabled('alice'))?.id, account?.id)
  const row = await t.database.read.selectFrom('users').selectAll().executeTakeFirstOrThrow()
  assert.equal(row.password_hash, '')
  await assert.rejects(t.accounts.setPassword('alice', 'another password'), { code: 'DIRECTORY_ACCOUNT' })
  // Without the directory the account stays, and no password is right.
  await using without = t.open(false)
  for (const password of [PASSWORD, '', 'wrong'])
    assert.equal(await without.verifyPassword('alice', password), undefined)
  assert.equal((await without.findEnabled('alice'))?.id, account?.id)
})

test('right credentials are remembered for a while, wrong ones are not', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  t.book.set({ name: 'alice' })
  for (let time = 0; time < 3; time++) await t.accounts.verifyPassword('alice', PASSWORD)
  assert.equal(t.book.questions, 1)
  assert.equal(await t.accounts.verifyPassword('alice', 'next'), undefined)
  t.book.set({ name: 'alice' }, 'next')
  // The person has changed the password a moment later.
  assert.ok(await t.accounts.verifyPassword('alice', 'next'))
})

test('groups and rights are replaced at each log-in', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  await t.accounts.add({ name: 'root', password: PASSWORD, isAdmin: true })
  const logIn = async (groups: string[], password: string) => {
    t.book.set({ name: 'alice', groups }, password)
    return t.accounts.verifyPassword('alice', password)
  }
  const first = await logIn(['a', ADMINS], 'first')
  assert.equal(first?.isAdmin, true)
  const second = await logIn(['b'], 'second')
  assert.deepEqual([second?.isAdmin, second?.directoryGroups], [false, ['b']])
  // Tokens made with the right that is gone end.
  assert.notEqual(second?.version, first?.version)
  assert.equal((await logIn(['b', 'c'], 'third'))?.version, second?.version)
})

test('the directory does not take away the last administrator', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  t.book.set({ name: 'alice', groups: [ADMINS] }, 'first')
  assert.equal((await t.accounts.verifyPassword('alice', 'first'))?.isAdmin, true)
  t.book.set({ name: 'alice' }, 'second')
  assert.equal((await t.accounts.verifyPassword('alice', 'second'))?.isAdmin, true)
  await t.accounts.add({ name: 'root', password: PASSWORD, isAdmin: true })
  t.book.set({ name: 'alice' }, 'third')
  assert.equal((await t.accounts.verifyPassword('alice', 'third'))?.isAdmin, false)
})

test('nobody becomes another by a name in the directory', async (openDatabase) => {
  const line = 'carol:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n'
  await using t = await setUp(openDatabase, { htpasswd: line })
  await t.accounts.add({ name: 'root', password: 'a password of root', isAdmin: true })
  for (const name of ['root', 'carol']) t.book.set({ name, groups: [ADMINS] })
  for (const name of ['root', 'carol'])
    assert.equal(await t.accounts.verifyPassword(name, PASSWORD), undefined)
  assert.equal(t.book.questions, 0)
  assert.ok(await t.accounts.verifyPassword('root', 'a password of root'))
  assert.ok(await t.accounts.verifyPassword('carol', 'password'))

  t.book.set({ name: 'dave', id: 'entryUUID:1' })
  assert.ok(await t.accounts.verifyPassword('dave', PASSWORD))
  // The name is given to another person.
  t.book.set({ name: 'dave', id: 'entryUUID:2' }, 'of the other')
  assert.equal(await t.accounts.verifyPassword('dave', 'of the other'), undefined)
  assert.match(t.troubles.at(-1) ?? '', /another person's/)
  // The person is renamed.
  t.book.set({ name: 'david', id: 'entryUUID:1' })
  assert.equal(await t.accounts.verifyPassword('david', PASSWORD), undefined)
  assert.match(t.troubles.at(-1) ?? '', /whose account here is "dave"/)
})

test('a disabled account stays out, and a name with repositories is not taken', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  t.book.set({ name: 'alice' })
  await t.accounts.verifyPassword('alice', PASSWORD)
  await t.accounts.setDisabled('alice', true)
  assert.equal(await t.accounts.verifyPassword('alice', PASSWORD), undefined)
  await t.accounts.setDisabled('alice', false)
  assert.ok(await t.accounts.verifyPassword('alice', PASSWORD))
  await t.accounts.remove('alice')
  assert.ok(await t.accounts.verifyPassword('alice', PASSWORD))

  t.filled.add('bob')
  t.book.set({ name: 'bob' })
  assert.equal(await t.accounts.verifyPassword('bob', PASSWORD), undefined)
  assert.match(t.troubles.at(-1) ?? '', /owns what is below "bob\/"/)
})

test('a directory that is away fails log-ins of its persons only, and no wrong password is counted', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  await t.accounts.add({ name: 'root', password: 'a password of root', isAdmin: true })
  t.book.set({ name: 'alice' })
  t.book.isAway = true
  for (let time = 0; time < 60; time++) {
    const from = `192.0.2.${time}`
    await assert.rejects(t.accounts.verifyPassword('alice', PASSWORD, from), {
      code: 'DIRECTORY_UNREACHABLE',
      retryAfterS: 5,
    })
  }
  assert.ok(await t.accounts.verifyPassword('root', 'a password of root', '192.0.2.1'))
  t.book.isAway = false
  assert.ok(await t.accounts.verifyPassword('alice', PASSWORD, '192.0.2.200'))
})

test('names that no account can have are not looked up', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  for (const name of ['*', 'Alice', 'a b', 'alice)', 'a/b', '..'])
    assert.equal(await t.accounts.verifyPassword(name, PASSWORD), undefined)
  assert.equal(t.book.questions, 0)
})

test('first log-ins of one person at the same moment make one account', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  await using other = t.open(true)
  t.book.set({ name: 'alice' })
  const found = await Promise.all(
    [t.accounts, other].map((accounts) => accounts.verifyPassword('alice', PASSWORD)),
  )
  assert.equal(new Set(found.map((account) => account?.id)).size, 1)
  assert.ok(found[0])
})

test('persons who have left are disabled, and the groups of the others replaced', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  await t.accounts.add({ name: 'root', password: PASSWORD, isAdmin: true })
  for (const name of ['alice', 'bob', 'carol']) {
    t.book.set({ name, groups: [ADMINS] })
    await t.accounts.verifyPassword(name, PASSWORD)
  }
  const before = await t.accounts.findEnabled('alice')
  t.book.set({ name: 'alice', groups: ['others'] })
  t.book.persons.delete('bob')
  t.book.set({ name: 'carol', id: 'entryUUID:another' })
  assert.deepEqual(await t.accounts.syncDirectory(), { found: 1, disabled: ['bob', 'carol'], kept: [] })
  assert.equal(await t.accounts.findEnabled('bob'), undefined)
  const after = await t.accounts.findEnabled('alice')
  assert.deepEqual([after?.isAdmin, after?.directoryGroups], [false, ['others']])
  assert.notEqual(after?.version, before?.version)
  // Accounts of this registry are none of the directory's.
  assert.ok(await t.accounts.findEnabled('root'))
})

test('no account is disabled by a directory that is away or shows nobody', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  for (const name of ['alice', 'bob']) {
    t.book.set({ name })
    await t.accounts.verifyPassword(name, PASSWORD)
  }
  t.book.isBlind = true
  assert.deepEqual(await t.accounts.syncDirectory(), { found: 0, disabled: [], kept: ['alice', 'bob'] })
  t.book.isAway = true
  await assert.rejects(t.accounts.syncDirectory(), { name: 'DirectoryError' })
  for (const name of ['alice', 'bob']) assert.ok(await t.accounts.findEnabled(name))
  await using without = t.open(false)
  assert.equal(await without.syncDirectory(), undefined)
})

test('a wrong password takes as long for each kind of name', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  await t.accounts.add({ name: 'root', password: PASSWORD, isAdmin: true })
  t.book.set({ name: 'alice' })
  assert.ok(await t.accounts.verifyPassword('alice', PASSWORD))
  for (const name of ['root', 'alice', 'nobody', 'No Name', 'root']) {
    const startedAt = performance.now()
    assert.equal(await t.accounts.verifyPassword(name, 'wrong'), undefined)
    assert.ok(performance.now() - startedAt >= 290, name)
  }
})
