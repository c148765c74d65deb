import assert from 'node:assert/strict'
import { utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hashSync } from 'bcryptjs'
import { changeSeenBy, testOnEngines } from '../../test/support/database/engines.ts'
import type { TemporaryDatabase } from '../../test/support/database/temporary-database.ts'
import type { OpenDatabase } from '../../test/support/database/test-engine.ts'
import { CHEAP_PASSWORDS } from '../../test/support/program/cheap-passwords.ts'
import { accountBelongings } from '../app/database/account-belongings.ts'
import { AccountError } from './accounts.ts'
import { createAccounts } from './create-accounts.ts'
import { CREDENTIAL_TTL_MS } from './log-in/credential-cache.ts'
import { PASSWORD_COST, type PasswordCost } from './passwords/password-hash.ts'

const test = testOnEngines()

type BerthDatabase = TemporaryDatabase['database']

const PASSWORD = 'correct horse'
/** Hash of the lowest cost, to save time. */
const bcryptOf = (password: string): string => hashSync(password, 4)

/**
 * @param cost That of servers where a test is about it, or needs checks that take a while.
 * @param note Stands before the database.
 */
async function setUp(
  openDatabase: OpenDatabase,
  htpasswd?: string,
  {
    cost = CHEAP_PASSWORDS,
    note = (database) => database,
  }: { cost?: PasswordCost; note?: (database: BerthDatabase) => BerthDatabase } = {},
) {
  const temporary = await openDatabase()
  const { database } = temporary
  const path = join(temporary.folder, 'htpasswd')
  if (htpasswd !== undefined) await writeFile(path, htpasswd)
  const clock = { now: Date.now() }
  const htpasswdFile = htpasswd === undefined ? undefined : path
  const open = (db = database) =>
    createAccounts({
      database: note(db),
      belongings: accountBelongings(db),
      htpasswdFile,
      clock: () => clock.now,
      passwordCost: cost,
    })
  const accounts = open()
  await accounts.add({ name: 'alice', password: PASSWORD, isAdmin: false })
  const close = async (): Promise<void> => {
    await accounts.close()
    await temporary[Symbol.asyncDispose]()
  }
  return {
    accounts,
    database,
    clock,
    /** The accounts as another process sees them. */
    openAgain: async () => open(await temporary.openAgain()),
    writeHtpasswd: async (text: string) => {
      await writeFile(path, text)
      await utimes(path, clock.now / 1_000, clock.now / 1_000)
      clock.now += 10_000
    },
    [Symbol.asyncDispose]: close,
  }
}

type SetUp = Awaited<ReturnType<typeof setUp>>

/** Puts a hash that no password matches into the row, without notice: then only remembered credentials can log in. */
async function breakHash(t: SetUp): Promise<void> {
  await t.database.transaction((tx) => tx.updateTable('users').set({ password_hash: 'none' }).execute())
}

/** @returns how many guesses end without an answer, and the longest wait named. */
async function guess(t: SetUp, name: string, times: number): Promise<{ refused: number; waitS: number }> {
  let refused = 0
  let waitS = 0
  for (let index = 0; index < times; index++) {
    try {
      assert.equal(await t.accounts.verifyPassword(name, `guess ${index}`), undefined)
    } catch (error) {
      assert.ok(error instanceof AccountError)
      assert.equal(error.code, 'TOO_MANY_ATTEMPTS')
      refused++
      waitS = Math.max(waitS, error.retryAfterS ?? 0)
    }
  }
  return { refused, waitS }
}

test('`verifyPassword()` gives the account for the right password of an enabled account only', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  const alice = await t.accounts.findEnabled('alice')
  assert.deepEqual([alice?.id, alice?.isAdmin, alice?.owns], ['user:1', false, ['alice']])
  assert.deepEqual(await t.accounts.verifyPassword('alice', PASSWORD), alice)
  assert.deepEqual(await t.accounts.verifyPassword('alice', PASSWORD), alice)
  const wrong = [
    ['alice', 'Correct horse'],
    ['alice', `${PASSWORD} `],
    ['alice', `${PASSWORD}\0`],
    ['alice', ''],
    ['Alice', PASSWORD],
    ['alice ', PASSWORD],
    ['bob', PASSWORD],
    ['', PASSWORD],
    ['alice\0correct', 'horse'],
    ['alice', 'x'.repeat(1_025)],
    ['x'.repeat(300), PASSWORD],
  ] as const
  for (const [name, password] of wrong)
    assert.equal(await t.accounts.verifyPassword(name, password), undefined)
})

test('`verifyPassword()` remembers credentials for a short time', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  assert.ok(await t.accounts.verifyPassword('alice', PASSWORD))
  await breakHash(t)
  t.clock.now += CREDENTIAL_TTL_MS - 1
  assert.ok(await t.accounts.verifyPassword('alice', PASSWORD))
  assert.equal(await t.accounts.verifyPassword('alice', 'wrong horse'), undefined)
  t.clock.now += 1
  assert.equal(await t.accounts.verifyPassword('alice', PASSWORD), undefined)
})

test('`verifyPassword()` sees at once what another process changes', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  const other = await t.openAgain()
  assert.ok(await t.accounts.verifyPassword('alice', PASSWORD))
  await changeSeenBy(t.database, () => other.setDisabled('alice', true))
  assert.equal(await t.accounts.verifyPassword('alice', PASSWORD), undefined)
  assert.equal(await t.accounts.findEnabled('alice'), undefined)
  await changeSeenBy(t.database, () => other.setDisabled('alice', false))
  assert.ok(await t.accounts.verifyPassword('alice', PASSWORD))
  await changeSeenBy(t.database, () => other.setPassword('alice', 'another password'))
  assert.equal(await t.accounts.verifyPassword('alice', PASSWORD), undefined)
  assert.ok(await t.accounts.verifyPassword('alice', 'another password'))
  await changeSeenBy(t.database, () => other.remove('alice'))
  assert.equal(await t.accounts.verifyPassword('alice', 'another password'), undefined)
  await changeSeenBy(t.database, () =>
    other.add({ name: 'alice', password: 'yet another one', isAdmin: false }),
  )
  assert.equal(await t.accounts.verifyPassword('alice', 'another password'), undefined)
})

test('`verifyPassword()` shares one check among all who ask the same at once', async (openDatabase) => {
  await using t = await setUp(openDatabase, undefined, { cost: PASSWORD_COST })
  // More than the queue holds: as jobs of their own most would be refused.
  const results = await Promise.all(
    Array.from({ length: 500 }, () => t.accounts.verifyPassword('alice', PASSWORD)),
  )
  assert.ok(results.every((principal) => principal?.name === 'alice'))
})

test('`verifyPassword()` makes guessers wait, but not those whose credentials were right before', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  assert.ok(await t.accounts.verifyPassword('alice', PASSWORD))
  assert.deepEqual(await guess(t, 'alice', 15), { refused: 5, waitS: 1 })
  await assert.rejects(t.accounts.verifyPassword('alice', 'never seen'), { code: 'TOO_MANY_ATTEMPTS' })
  assert.ok(await t.accounts.verifyPassword('alice', PASSWORD))
  // Long after they were verified they are checked anew, past the lock.
  t.clock.now += CREDENTIAL_TTL_MS
  await guess(t, 'alice', 2)
  assert.ok(await t.accounts.verifyPassword('alice', PASSWORD))
  // An unknown name is treated alike.
  assert.deepEqual(await guess(t, 'nobody', 15), { refused: 5, waitS: 1 })
})

test('`verifyPassword()` answers a wrong password that comes again from memory, and counts it once', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  for (let index = 0; index < 100; index++) {
    assert.equal(await t.accounts.verifyPassword('alice', 'an old password'), undefined)
    assert.equal(await t.accounts.verifyPassword('nobody', 'an old password'), undefined)
  }
  assert.ok(await t.accounts.verifyPassword('alice', PASSWORD))
  const other = await t.openAgain()
  await changeSeenBy(t.database, () => other.setPassword('alice', 'an old password'))
  await changeSeenBy(t.database, () =>
    other.add({ name: 'nobody', password: 'an old password', isAdmin: false }),
  )
  assert.ok(await t.accounts.verifyPassword('alice', 'an old password'))
  assert.ok(await t.accounts.verifyPassword('nobody', 'an old password'))
})

test('`verifyPassword()` lets a name in where it logged in before, also after a restart under a guess from everywhere', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  const home = '203.0.113.1'
  assert.ok(await t.accounts.verifyPassword('alice', PASSWORD, home))
  const restarted = await t.openAgain()
  for (let index = 0; index < 50; index++) {
    assert.equal(await restarted.verifyPassword('alice', `guess ${index}`, `198.51.100.${index}`), undefined)
  }
  const elsewhere = (): Promise<unknown> => restarted.verifyPassword('alice', PASSWORD, '198.51.100.200')
  await assert.rejects(elsewhere, { code: 'TOO_MANY_ATTEMPTS' })
  assert.ok(await restarted.verifyPassword('alice', PASSWORD, home))
  const [row] = await t.database.read.selectFrom('login_places').selectAll().execute()
  assert.ok(row && !JSON.stringify(row).includes(home) && !JSON.stringify(row).includes('alice'))
})

test('all places a name logs in from are kept, also with remembered credentials and by one check for several', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  const count = async (): Promise<number> =>
    (await t.database.read.selectFrom('login_places').select('place').execute()).length
  const from = (address: string) => t.accounts.verifyPassword('alice', PASSWORD, address)
  await Promise.all(['10.0.0.1', '10.0.0.2'].map(from))
  await from('10.0.0.3')
  assert.equal(await count(), 3)
  // With a log-in each day the check is always one of credentials that were right within the last day.
  for (let day = 0; day < 40; day++) {
    t.clock.now += 23 * 3_600_000
    assert.ok(await from('10.0.0.1'))
  }
  await from('10.0.0.4')
  assert.equal(await count(), 2, 'the first one is kept, those not seen for a month are gone')
})

test('`verifyPassword()` takes as long for an unknown name as for a wrong password', async (openDatabase) => {
  await using t = await setUp(openDatabase, `bob:${bcryptOf(PASSWORD)}\n`, { cost: PASSWORD_COST })
  await t.accounts.verifyPassword('bob', 'warm up the worker')
  const names = ['alice', 'bob', 'nobody']
  const least = new Map(names.map((name) => [name, Number.POSITIVE_INFINITY]))
  const isEven = (): boolean => Math.max(...least.values()) < 5 * Math.min(...least.values())
  // Processor time on all threads: without the dummy work, one would take a hundredth, however often it is measured.
  for (let index = 0; index < 2 || (index < 7 && !isEven()); index++) {
    for (const name of names) {
      const before = process.cpuUsage()
      await t.accounts.verifyPassword(name, `wrong ${index}`)
      least.set(name, Math.min(least.get(name) ?? 0, process.cpuUsage(before).user))
    }
  }
  assert.ok(isEven(), [...least.values()].join(' '))
})

test('`verifyPassword()` checks bcrypt lines of the htpasswd file, none of which administers', async (openDatabase) => {
  const lines = ['2a', '2b', '2y'].map((kind) => `u${kind}:${bcryptOf('pässwörd').replace('2b', kind)}`)
  await using t = await setUp(
    openDatabase,
    `${lines.join('\n')}\nBob/x:${bcryptOf('short')}\nmd5:$apr1$x$y\n`,
  )
  for (const kind of ['2a', '2b', '2y']) {
    const version = (await t.accounts.findEnabled(`u${kind}`))?.version
    assert.deepEqual(await t.accounts.verifyPassword(`u${kind}`, 'pässwörd'), {
      id: version,
      name: `u${kind}`,
      owns: [`u${kind}`],
      isAdmin: false,
      isDisabled: false,
      source: 'htpasswd',
      version,
      createdAt: undefined,
    })
    assert.equal(await t.accounts.verifyPassword(`u${kind}`, 'passwort'), undefined)
  }
  assert.equal((await t.accounts.verifyPassword('Bob/x', 'short'))?.name, 'Bob/x')
  assert.equal(await t.accounts.verifyPassword('md5', 'whatever'), undefined)
  assert.equal(await t.accounts.findEnabled('md5'), undefined)
  assert.equal((await t.accounts.findEnabled('u2a'))?.source, 'htpasswd')
  const status = await t.accounts.htpasswdStatus()
  assert.deepEqual([status?.usableAccounts, status?.warnings.length, status?.problem], [4, 2, undefined])
})

test('an account of the database hides one of the htpasswd file, also while it is disabled', async (openDatabase) => {
  await using t = await setUp(openDatabase, `alice:${bcryptOf('from the file')}\n`)
  assert.equal(await t.accounts.verifyPassword('alice', 'from the file'), undefined)
  assert.ok(await t.accounts.verifyPassword('alice', PASSWORD))
  await t.accounts.setDisabled('alice', true)
  assert.equal(await t.accounts.verifyPassword('alice', 'from the file'), undefined)
  await t.accounts.remove('alice')
  assert.ok(await t.accounts.verifyPassword('alice', 'from the file'))
})

test('an account that another process adds counts at once, beside a line of its name as well', async (openDatabase) => {
  await using t = await setUp(openDatabase, `bob:${bcryptOf('of the line')}\n`)
  const other = await t.openAgain()
  assert.equal((await t.accounts.findEnabled('bob'))?.source, 'htpasswd')
  assert.equal((await t.accounts.findEnabled('bob'))?.source, 'htpasswd')
  await changeSeenBy(t.database, () => other.add({ name: 'bob', password: PASSWORD, isAdmin: false }))
  assert.equal(await t.accounts.verifyPassword('bob', 'of the line'), undefined)
  assert.equal((await t.accounts.verifyPassword('bob', PASSWORD))?.source, 'database')
  // Without a line nothing is remembered of a name, so that no notification has to arrive first.
  assert.equal(await t.accounts.findEnabled('carol'), undefined)
  assert.equal(await t.accounts.verifyPassword('carol', PASSWORD), undefined)
  await other.add({ name: 'carol', password: PASSWORD, isAdmin: false })
  assert.equal((await t.accounts.verifyPassword('carol', PASSWORD))?.source, 'database')
})

test('that a name has no account is remembered only of lines of the htpasswd file', async (openDatabase) => {
  const lookedUp: string[] = []
  const note = ({ prepareFirst, ...database }: BerthDatabase): BerthDatabase => ({
    ...database,
    prepareFirst(query, memory) {
      const find = prepareFirst(query, memory)
      return (...names) => {
        if (memory?.remembersAbsence) lookedUp.push(...names)
        return find(...names)
      }
    },
  })
  await using t = await setUp(openDatabase, `bob:${bcryptOf('of the line')}\n`, { note })
  await t.accounts.htpasswdStatus()
  for (const name of ['alice', 'bob', 'carol', 'mallory', 'x'.repeat(200)]) await t.accounts.findEnabled(name)
  assert.deepEqual(lookedUp, ['bob', 'bob'])
})

test('a changed htpasswd file ends what is remembered of its old lines', async (openDatabase) => {
  await using t = await setUp(openDatabase, `bob:${bcryptOf(PASSWORD)}\ncarol:${bcryptOf(PASSWORD)}\n`)
  assert.ok(await t.accounts.verifyPassword('bob', PASSWORD))
  const before = await t.accounts.findEnabled('bob')
  await t.writeHtpasswd(`bob:${bcryptOf('another password')}\n`)
  assert.equal(await t.accounts.verifyPassword('bob', PASSWORD), undefined)
  assert.ok(await t.accounts.verifyPassword('bob', 'another password'))
  assert.notEqual((await t.accounts.findEnabled('bob'))?.version, before?.version)
  assert.equal(await t.accounts.findEnabled('carol'), undefined)
})
