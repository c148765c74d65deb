import assert from 'node:assert/strict'
import { testOnEngines } from '../../../test/support/database/engines.ts'
import type { OpenDatabase } from '../../../test/support/database/test-engine.ts'
import { createLogInManager } from './log-ins.ts'
import {
  createRefreshTokenService,
  MAX_REFRESH_TOKENS_PER_USER,
  REFRESH_TOKEN_LIFETIME_MS,
  ROTATION_GRACE_MS,
} from './refresh-tokens.ts'

const test = testOnEngines()

const NOW = 1_800_000_000_000

async function setUp(openDatabase: OpenDatabase) {
  const temporary = await openDatabase()
  const accounts = new Map([
    ['alice', { name: 'alice', version: '1.1' }],
    ['bob', { name: 'bob', version: '2.1' }],
  ])
  const clock = { now: NOW }
  const reuses: unknown[] = []
  const service = await createRefreshTokenService({
    database: temporary.database,
    findEnabled: async (name) => accounts.get(name),
    onReuse: (reuse) => void reuses.push(reuse),
    clock: () => clock.now,
  })
  const tokens = {
    issue: service.issue,
    /** Owner of the token. */
    redeem: async (token: string) => (await service.redeem(token))?.owner.name,
    /** The token that follows. */
    follow: async (token: string) => (await service.redeem(token))?.successor ?? assert.fail('refused'),
  }
  const { database } = temporary
  return {
    tokens,
    reuses,
    accounts,
    clock,
    database,
    [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose](),
  }
}

const alice = { name: 'alice', version: '1.1' }

test('`redeem()` gives the owner, again and again until it expires', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  const token = await t.tokens.issue(alice, 'docker')
  assert.match(token, /^berth_rt_[A-Za-z0-9_-]{43}$/)
  assert.equal(await t.tokens.redeem(token), 'alice')
  t.clock.now += REFRESH_TOKEN_LIFETIME_MS - 1
  assert.equal(await t.tokens.redeem(token), 'alice')
  t.clock.now += 1
  assert.equal(await t.tokens.redeem(token), undefined)
})

test('`redeem()` refuses when the account changed, and when it is gone or disabled', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  const token = await t.tokens.issue(alice, 'docker')
  t.accounts.set('alice', { name: 'alice', version: '1.2' })
  assert.equal(await t.tokens.redeem(token), undefined)
  t.accounts.delete('alice')
  assert.equal(await t.tokens.redeem(token), undefined)
})

test('`redeem()` refuses what it never issued', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  const token = await t.tokens.issue(alice, 'docker')
  const others = ['', 'x', token.slice(0, -1), `${token}A`, token.toUpperCase(), `berth_rt_${'A'.repeat(43)}`]
  for (const other of others) assert.equal(await t.tokens.redeem(other), undefined)
})

test('`issue()` keeps the hash of a token, not the token', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  const token = await t.tokens.issue(alice, 'x'.repeat(10_000))
  const rows = await t.database.read.selectFrom('refresh_tokens').selectAll().execute()
  assert.equal(rows.length, 1)
  assert.equal(JSON.stringify(rows).includes(token), false)
  assert.equal(rows[0]?.client_id.length, 128)
})

test("`issue()` keeps a client's name for itself without its control characters", async (openDatabase) => {
  await using t = await setUp(openDatabase)
  await t.tokens.issue(alice, 'my\0tool\u001b[31m\u009b\u00fc')
  const [logIn] = await createLogInManager(t.database, () => t.clock.now).list('alice')
  assert.equal(logIn?.client, 'mytool[31m\u00fc')
})

test('`issue()` keeps the newest tokens of an account and leaves others alone', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  const ofBob = await t.tokens.issue({ name: 'bob', version: '2.1' }, 'docker')
  const issued: string[] = []
  for (let index = 0; index < MAX_REFRESH_TOKENS_PER_USER + 3; index++) {
    // Several within one millisecond, the last among them: it must never be the one that is removed.
    t.clock.now += index % 3 === 0 ? 1 : 0
    issued.push(await t.tokens.issue(alice, 'ci'))
  }
  const redeemed = await Promise.all(issued.map((token) => t.tokens.redeem(token)))
  assert.deepEqual(redeemed.slice(0, 3), [undefined, undefined, undefined])
  assert.equal(redeemed.filter((name) => name === 'alice').length, MAX_REFRESH_TOKENS_PER_USER)
  assert.equal(redeemed.at(-1), 'alice')
  assert.equal(await t.tokens.redeem(ofBob), 'bob')
})

test('`issue()` removes what has expired, of any account', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  await t.tokens.issue({ name: 'bob', version: '2.1' }, 'docker')
  t.clock.now += REFRESH_TOKEN_LIFETIME_MS
  await t.tokens.issue(alice, 'docker')
  const rows = await t.database.read.selectFrom('refresh_tokens').select('user_name').execute()
  assert.deepEqual(
    rows.map((row) => row.user_name),
    ['alice'],
  )
})

test('a token that Docker keeps stays the same to its end', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  const token = await t.tokens.issue(alice, 'docker')
  for (let index = 0; index < 50; index++) {
    assert.equal(await t.tokens.follow(token), token)
    t.clock.now += 24 * 3_600_000
  }
})

test('a token counts to its end beside a successor that nobody uses', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  const token = await t.tokens.issue(alice, 'other')
  for (let index = 0; index < 50; index++) {
    assert.notEqual(await t.tokens.follow(token), token)
    t.clock.now += 24 * 3_600_000
  }
  const rows = await t.database.read.selectFrom('refresh_tokens').select('hash').execute()
  assert.equal(rows.length, 1)
  assert.deepEqual(t.reuses, [])
})

test('a client that goes on to the successor leaves the old token a while, for what is under way', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  const first = await t.tokens.issue(alice, 'other')
  const second = await t.tokens.follow(first)
  assert.match(second, /^berth_rt_[A-Za-z0-9_-]{43}$/)
  assert.equal(await t.tokens.follow(first), second, 'the same, whoever asks at once')
  const third = await t.tokens.follow(second)
  assert.notEqual(third, second)
  t.clock.now += ROTATION_GRACE_MS - 1
  assert.equal(await t.tokens.follow(first), second)
  assert.equal(await t.tokens.follow(second), third)
  assert.equal(await t.tokens.redeem(third), 'alice')
  assert.equal(await t.tokens.redeem(first), undefined, 'two steps behind')
  assert.equal(await t.tokens.redeem(third), 'alice')
})

test('a token that is used again long after its successor ends the log-in, and no other', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  const other = await t.tokens.issue(alice, 'other')
  const first = await t.tokens.issue(alice, 'other')
  const second = await t.tokens.follow(first)
  await t.tokens.follow(second)
  t.clock.now += ROTATION_GRACE_MS
  assert.equal(await t.tokens.redeem(first), undefined)
  assert.equal(await t.tokens.redeem(second), undefined)
  assert.equal(t.reuses.length, 1)
  assert.equal(await t.tokens.redeem(other), 'alice')
})

test('a token that lies many steps back ends the log-in once its hour is over, and not before', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  const other = await t.tokens.issue(alice, 'other')
  const stolen = await t.tokens.issue(alice, 'other')
  let current = stolen
  for (let step = 0; step < 5; step++) current = await t.tokens.follow(current)
  t.clock.now += ROTATION_GRACE_MS - 1
  assert.equal(await t.tokens.redeem(stolen), undefined)
  // The thief goes on all the time; the hour of the old token passes all the same.
  current = await t.tokens.follow(current)
  assert.deepEqual(t.reuses, [])
  t.clock.now += 1
  assert.equal(await t.tokens.redeem(stolen), undefined)
  assert.equal(await t.tokens.redeem(current), undefined)
  assert.equal(t.reuses.length, 1)
  assert.equal(await t.tokens.redeem(other), 'alice')
  const left = await t.database.read.selectFrom('spent_refresh_tokens').select('hash').execute()
  assert.deepEqual(left, [], 'what is kept of old tokens goes with the log-in')
})

test('of the old tokens of a log-in a bounded number is kept', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  let current = await t.tokens.issue(alice, 'other')
  for (let step = 0; step < 3; step++) current = await t.tokens.follow(current)
  const [logIn] = await createLogInManager(t.database, () => t.clock.now).list('alice')
  const rows = Array.from({ length: 1_010 }, (_, at) => ({
    ...{ hash: `hash ${at}`, log_in: logIn?.id ?? '', spent_at: NOW + at },
  }))
  await t.database.transaction((tx) => tx.insertInto('spent_refresh_tokens').values(rows).execute())
  await t.tokens.follow(current)
  const kept = await t.database.read.selectFrom('spent_refresh_tokens').select('hash').execute()
  assert.equal(kept.length, 1_000)
  assert.ok(kept.some(({ hash }) => hash === 'hash 1009'))
})

test('tokens of a registry before successors were made go on, and get one', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  const token = await t.tokens.issue(alice, 'other')
  await t.database.transaction((tx) => tx.updateTable('refresh_tokens').set({ next_hash: null }).execute())
  const second = await t.tokens.follow(token)
  assert.equal(await t.tokens.redeem(second), 'alice')
})

test('a log-in can be ended by itself', async (openDatabase) => {
  await using t = await setUp(openDatabase)
  const logIns = createLogInManager(t.database, () => t.clock.now)
  const kept = await t.tokens.issue(alice, 'kept')
  t.clock.now += 1
  const lost = await t.tokens.issue(alice, 'lost')
  await t.tokens.redeem(lost)
  const [first, second] = await logIns.list('alice')
  assert.deepEqual([first?.client, second?.client], ['lost', 'kept'])
  assert.deepEqual([first?.usedAt, second?.usedAt], [new Date(t.clock.now), undefined])
  assert.equal(await logIns.end('bob', first?.id), 0)
  assert.equal(await logIns.end('alice', first?.id), 1)
  assert.deepEqual([await t.tokens.redeem(lost), await t.tokens.redeem(kept)], [undefined, 'alice'])
  assert.equal(await logIns.end('alice'), 1)
  assert.equal(await t.tokens.redeem(kept), undefined)
})
