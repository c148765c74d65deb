import assert from 'node:assert/strict'
import { changeSeenBy, testOnEngines } from '../../../test/support/database/engines.ts'
import type { OpenDatabase } from '../../../test/support/database/test-engine.ts'
import { CHEAP_PASSWORDS } from '../../../test/support/program/cheap-passwords.ts'
import { parseLimit } from '../../access/limits.ts'
import { accountBelongings } from '../../app/database/account-belongings.ts'
import { type Accounts, createAccounts } from '../create-accounts.ts'
import type { NewSecret } from '../secrets.ts'
import { EXPIRY_GRACE_MS } from './secret-check.ts'
import { createSecret } from './secret-text.ts'
import { MAX_TOKENS_PER_USER } from './token-manager.ts'
import { USED_EVERY_MS } from './use-notes.ts'

const test = testOnEngines()
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const ADDRESS = '203.0.113.7'
const PASSWORD = 'correct horse'

async function setUp(openDatabase: OpenDatabase) {
  const temporary = await openDatabase()
  const { database } = temporary
  const clock = { now: Date.now() }
  const open = (db = database) =>
    createAccounts({
      database: db,
      belongings: accountBelongings(db),
      htpasswdFile: undefined,
      clock: () => clock.now,
      passwordCost: CHEAP_PASSWORDS,
    })
  const accounts = open()
  await accounts.add({ name: 'root', password: PASSWORD, isAdmin: true })
  await accounts.add({ name: 'alice', password: PASSWORD, isAdmin: false })
  return {
    accounts,
    database,
    clock,
    openAgain: async () => open(await temporary.openAgain()),
    async [Symbol.asyncDispose]() {
      await accounts.close()
      await temporary[Symbol.asyncDispose]()
    },
  }
}

const logIn = (accounts: Accounts, name: string, { secret }: Pick<NewSecret, 'secret'>) =>
  accounts.verifyPassword(name, secret, ADDRESS)

const refused = (words: RegExp) => ({ code: 'TOKEN_REFUSED', message: words })

test('a personal token logs its user in, and no other, with its limits', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  const { accounts } = t
  const limits = [parseLimit('alice/app:pull') ?? assert.fail()]
  const token = await accounts.tokens.create({ user: 'alice', name: 'laptop', limits })
  const account = await logIn(accounts, 'alice', token)
  assert.deepEqual(
    [account?.id, account?.name, account?.owns, account?.isAdmin, account?.limits],
    ['user:2', 'alice', ['alice'], false, limits],
  )
  assert.deepEqual(await accounts.findEnabled('alice', account?.credential), account)
  assert.notEqual(account?.version, (await accounts.findEnabled('alice'))?.version)
  await assert.rejects(logIn(accounts, 'root', token), refused(/another user name: log in as "alice"/))
  assert.equal(await accounts.findEnabled('root', account?.credential), undefined)
  assert.equal(await logIn(accounts, 'alice', { secret: createSecret('pat') }), undefined)
  assert.equal(await logIn(accounts, 'alice', { secret: `${token.secret.slice(0, -1)}_` }), undefined)
  for (const credential of ['', '.', token.id, `${token.id}.`, `${token.id}.0`, `.${token.id}`, 'x.y'])
    assert.equal(await accounts.findEnabled('alice', credential), undefined, credential)
})

test('no secret is stored, and one name stands for one token of a user', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  const { accounts, database } = t
  const first = await accounts.tokens.create({ user: 'alice', name: 'ci' })
  await accounts.tokens.create({ user: 'root', name: 'ci' })
  const robot = await accounts.robots.create({ name: 'bot', hasSecret: true })
  assert.ok(robot)
  const rows = await database.read.selectFrom('account_secrets').selectAll().execute()
  assert.equal(rows.length, 3)
  for (const { secret } of [first, robot]) assert.ok(!JSON.stringify(rows).includes(secret.slice(-20)))
  const { tokens } = accounts
  await assert.rejects(tokens.create({ user: 'alice', name: 'ci' }), { code: 'ALREADY_EXISTS' })
  await assert.rejects(tokens.create({ user: 'nobody', name: 'ci' }), { code: 'UNKNOWN_ACCOUNT' })
  for (const name of ['robot$ci', '', 'A', 'a b', '../x', '-x', 'x'.repeat(65)])
    await assert.rejects(tokens.create({ user: 'alice', name }), { code: 'NAME_INVALID' })
  for (let index = 1; index < MAX_TOKENS_PER_USER; index++)
    await tokens.create({ user: 'alice', name: `n${index}` })
  await assert.rejects(tokens.create({ user: 'alice', name: 'more' }), { code: 'TOO_MANY_TOKENS' })
  assert.equal((await tokens.list('alice')).length, MAX_TOKENS_PER_USER)
})

test('a revoked token, a disabled user and a removed one count at once, in another process too', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  const { accounts, database } = t
  const other = await t.openAgain()
  const token = await accounts.tokens.create({ user: 'alice', name: 'laptop' })
  const kept = await accounts.tokens.create({ user: 'alice', name: 'desktop' })
  const account = await logIn(accounts, 'alice', token)
  await changeSeenBy(database, () => other.tokens.revoke('alice', 'laptop'))
  assert.equal(await logIn(accounts, 'alice', token), undefined)
  assert.equal(await accounts.findEnabled('alice', account?.credential), undefined)
  const before = await logIn(accounts, 'alice', kept)
  assert.ok(before)
  await changeSeenBy(database, () => other.setDisabled('alice', true))
  await assert.rejects(logIn(accounts, 'alice', kept), refused(/is disabled/))
  assert.equal(await accounts.findEnabled('alice', before.credential), undefined)
  await changeSeenBy(database, () => other.setDisabled('alice', false))
  const after = await logIn(accounts, 'alice', kept)
  assert.ok(after && after.version !== before.version)
  await changeSeenBy(database, () => other.remove('alice'))
  assert.equal(await logIn(accounts, 'alice', kept), undefined)
  assert.deepEqual(await accounts.tokens.list(), [])
  await assert.rejects(accounts.tokens.revoke('root', 'laptop'), { code: 'TOKEN_UNKNOWN' })
})

test('an expired token is refused; one in use at its end goes on for an hour, unless it is revoked', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  const { accounts, clock } = t
  const expiresAt = new Date(clock.now + 2 * HOUR_MS)
  const idle = await accounts.tokens.create({ user: 'alice', name: 'idle', expiresAt })
  const busy = await accounts.tokens.create({ user: 'alice', name: 'busy', expiresAt })
  const before = await logIn(accounts, 'alice', idle)
  assert.ok(before)
  // A client that pushes logs in again every few minutes.
  for (; clock.now < expiresAt.getTime(); clock.now += 5 * MINUTE_MS)
    assert.ok(await logIn(accounts, 'alice', busy))
  const expired = refused(new RegExp(`expired at ${expiresAt.toISOString()}: make or rotate one`))
  await assert.rejects(logIn(accounts, 'alice', idle), expired)
  assert.equal(await accounts.findEnabled('alice', before.credential), undefined)
  const going = await logIn(accounts, 'alice', busy)
  assert.ok(going)
  clock.now = expiresAt.getTime() + EXPIRY_GRACE_MS - 1
  assert.ok(await logIn(accounts, 'alice', busy))
  assert.ok(await accounts.findEnabled('alice', going.credential))
  clock.now += 1
  await assert.rejects(logIn(accounts, 'alice', busy), expired)
  assert.equal(await accounts.findEnabled('alice', going.credential), undefined)
  clock.now -= 1
  await accounts.tokens.revoke('alice', 'busy')
  assert.equal(await logIn(accounts, 'alice', busy), undefined)
  assert.equal(await accounts.findEnabled('alice', going.credential), undefined)
})

test('a rotated token leaves the one before it for the overlap, and the one before that not at all', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  const { accounts, clock } = t
  const { tokens } = accounts
  const first = await tokens.create({ user: 'alice', name: 'ci' })
  const credential = (await logIn(accounts, 'alice', first))?.credential
  const second = await tokens.rotate('alice', 'ci', { overlapMs: HOUR_MS })
  assert.equal(second.id, first.id)
  assert.notEqual(second.secret, first.secret)
  for (const secret of [first, second]) assert.ok(await logIn(accounts, 'alice', secret))
  assert.ok(await accounts.findEnabled('alice', credential))
  clock.now += HOUR_MS
  await assert.rejects(logIn(accounts, 'alice', first), refused(/was replaced by a newer one/))
  assert.equal(await accounts.findEnabled('alice', credential), undefined)
  assert.ok(await logIn(accounts, 'alice', second))
  const third = await tokens.rotate('alice', second.id, { overlapMs: HOUR_MS })
  assert.equal(await logIn(accounts, 'alice', first), undefined)
  const fourth = await tokens.rotate('alice', 'ci', { overlapMs: 0 })
  for (const secret of [second, third]) assert.equal(await logIn(accounts, 'alice', secret), undefined)
  assert.ok(await logIn(accounts, 'alice', fourth))
})

test('the last use is recorded with its address, and not with each log-in', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  const { accounts, clock } = t
  const token = await accounts.tokens.create({ user: 'alice', name: 'laptop' })
  const read = async () => (await accounts.tokens.list('alice'))[0]
  assert.equal((await read())?.usedAt, undefined)
  await logIn(accounts, 'alice', token)
  const usedAt = (await read())?.usedAt
  assert.deepEqual([usedAt?.getTime(), (await read())?.usedFrom], [clock.now, ADDRESS])
  clock.now += USED_EVERY_MS - 1
  for (let index = 0; index < 20; index++) await accounts.verifyPassword('alice', token.secret, '203.0.113.8')
  // Each write would have another time and address.
  assert.deepEqual([(await read())?.usedAt, (await read())?.usedFrom], [usedAt, ADDRESS])
  clock.now += 1
  await accounts.verifyPassword('alice', token.secret, '203.0.113.8')
  assert.deepEqual([(await read())?.usedAt?.getTime(), (await read())?.usedFrom], [clock.now, '203.0.113.8'])
})

test('a robot acts with the rights of its owner within its limits, and ends with it', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  const { accounts, database } = t
  const other = await t.openAgain()
  const limits = [parseLimit('alice/**:pull,create') ?? assert.fail()]
  const secret = await accounts.robots.create({ name: 'ci', owner: 'alice', limits, hasSecret: true })
  assert.ok(secret)
  assert.match(secret.secret, /^berth_robot_/)
  const robot = await logIn(accounts, 'ci', secret)
  assert.deepEqual(
    [robot?.id, robot?.kind, robot?.name, robot?.owns, robot?.limits, robot?.actsFor],
    ['robot:1', 'robot', 'ci', ['alice'], limits, 'user:2'],
  )
  await assert.rejects(logIn(accounts, 'alice', secret), refused(/log in as "ci"/))
  await changeSeenBy(database, () => other.robots.setDisabled('ci', true))
  await assert.rejects(logIn(accounts, 'ci', secret), refused(/is disabled/))
  assert.equal(await accounts.findEnabled('ci', robot?.credential), undefined)
  await changeSeenBy(database, () => other.robots.setDisabled('ci', false))
  assert.notEqual((await accounts.findEnabled('ci', robot?.credential))?.version, robot?.version)
  await changeSeenBy(database, () => other.setDisabled('alice', true))
  await assert.rejects(logIn(accounts, 'ci', secret), refused(/is disabled/))
  await changeSeenBy(database, () => other.remove('alice'))
  assert.equal(await logIn(accounts, 'ci', secret), undefined)
  assert.deepEqual(await accounts.robots.list(), [])
})

test('a robot without an owner owns nothing; its name is no one else’s, and its id never comes again', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  const { accounts } = t
  const secret = await accounts.robots.create({ name: 'ci', hasSecret: true })
  assert.ok(secret)
  const robot = await logIn(accounts, 'ci', secret)
  assert.deepEqual([robot?.owns, robot?.isAdmin, robot?.actsFor], [[], false, undefined])
  await assert.rejects(accounts.robots.create({ name: 'ci', hasSecret: true }), { code: 'ALREADY_EXISTS' })
  await assert.rejects(accounts.robots.create({ name: 'alice', hasSecret: true }), { code: 'ALREADY_EXISTS' })
  await assert.rejects(accounts.add({ name: 'ci', password: PASSWORD, isAdmin: false }), {
    code: 'ALREADY_EXISTS',
  })
  const rotated = await accounts.robots.rotate('ci', { overlapMs: HOUR_MS })
  for (const one of [secret, rotated]) assert.ok(await logIn(accounts, 'ci', one))
  await accounts.robots.remove('ci')
  for (const one of [secret, rotated]) assert.equal(await logIn(accounts, 'ci', one), undefined)
  const again = await accounts.robots.create({ name: 'ci', hasSecret: false })
  assert.equal(again, undefined)
  const made = await accounts.robots.rotate('ci', { overlapMs: HOUR_MS })
  const { id } = (await logIn(accounts, 'ci', made)) ?? {}
  assert.match(id ?? '', /^robot:\d+$/)
  assert.notEqual(id, robot?.id)
  await assert.rejects(accounts.robots.remove('no'), { code: 'ROBOT_UNKNOWN' })
  await assert.rejects(accounts.robots.setDisabled('no', true), { code: 'ROBOT_UNKNOWN' })
})
