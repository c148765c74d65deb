import assert from 'node:assert/strict'
import { testOnEngines } from '../../../test/support/database/engines.ts'
import { createLoginPlaces } from './login-places.ts'

const test = testOnEngines()

test('the places a name logged in from are bounded, and forgotten after a month', async (openDatabase) => {
  await using temporary = await openDatabase()
  const { database } = temporary
  const clock = { now: Date.now() }
  const count = async (): Promise<number> =>
    (await database.read.selectFrom('login_places').select('place').execute()).length
  const places = createLoginPlaces(database, () => clock.now)
  for (let index = 0; index < 20; index++) {
    await places.add('alice', `10.0.0.${index}`)
    clock.now += 1
  }
  assert.equal(await count(), 16)
  assert.deepEqual(
    [await places.has('alice', '10.0.0.3'), await places.has('alice', '10.0.0.4')],
    [false, true],
  )
  clock.now += 31 * 24 * 3_600_000
  assert.equal(await places.has('alice', '10.0.0.4'), false)
  await places.add('bob', '10.0.0.1')
  assert.equal(await count(), 1)
})

test('a place is written once by all log-ins of one moment, and after a failure a minute later', async (openDatabase) => {
  await using temporary = await openDatabase()
  const { database } = temporary
  const clock = { now: Date.now() }
  let writes = 0
  const places = createLoginPlaces(
    {
      ...database,
      read: database.read,
      prepareFirst: (query) => database.prepareFirst(query),
      transaction: async (work) => {
        if (writes++ === 0) throw new Error('no space left')
        return database.transaction(work)
      },
    },
    () => clock.now,
  )
  const logIns = () => Promise.all(Array.from({ length: 5 }, () => places.add('alice', '10.0.0.1')))
  await logIns()
  await logIns()
  assert.equal(writes, 1)
  assert.equal(await places.has('alice', '10.0.0.1'), false)
  clock.now += 61_000
  await logIns()
  assert.equal(writes, 2)
  assert.equal(await places.has('alice', '10.0.0.1'), true)
})
