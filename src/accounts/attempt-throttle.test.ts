import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AccountError } from './accounts.ts'
import { AttemptThrottle } from './attempt-throttle.ts'

function setUp() {
  const clock = { now: 1_800_000_000_000 }
  const throttle = new AttemptThrottle(() => clock.now)
  /** What a check that fails, or succeeds, ends with: undefined if it was run, else the seconds to wait. */
  const attempt = async (name: string, isRight = false): Promise<number | undefined> => {
    try {
      await throttle.run(name, async () => isRight || undefined)
      return undefined
    } catch (error) {
      assert.ok(error instanceof AccountError)
      assert.equal(error.code, 'TOO_MANY_ATTEMPTS')
      return error.retryAfterS
    }
  }
  const fail = async (times: number): Promise<void> => {
    for (let index = 0; index < times; index++) assert.equal(await attempt('alice'), undefined)
  }
  return { clock, throttle, attempt, fail }
}

test('`run()` makes a name wait after ten failures, twice as long each time, up to 30 s', async () => {
  const { clock, attempt, fail } = setUp()
  await fail(10)
  for (const waitS of [1, 2, 4, 8, 16, 30, 30]) {
    assert.equal(await attempt('alice'), waitS)
    assert.equal(await attempt('bob'), undefined)
    clock.now += waitS * 1_000 - 1
    assert.equal(await attempt('alice'), 1)
    clock.now += 1
    assert.equal(await attempt('alice'), undefined)
  }
})

test('`run()` forgets failures after a success, and after a quarter of an hour', async () => {
  const { clock, attempt, fail } = setUp()
  await fail(9)
  assert.equal(await attempt('alice', true), undefined)
  await fail(10)
  clock.now += 15 * 60_000
  await fail(10)
  assert.equal(await attempt('alice'), 1)
})

test('`run()` does not let checks at once go past what is free', async () => {
  const { throttle, fail, attempt } = setUp()
  await fail(7)
  const ends: (() => void)[] = []
  const pending = () => new Promise<undefined>((resolve) => ends.push(() => resolve(undefined)))
  const running = [1, 2, 3].map(() => throttle.run('alice', pending))
  assert.equal(await attempt('alice'), 1)
  assert.equal(await attempt('bob'), undefined)
  for (const end of ends) end()
  await Promise.all(running)
  assert.equal(await attempt('alice'), 1)
})

test('`run()` does not count a check that could not be made', async () => {
  const { throttle, fail } = setUp()
  await fail(9)
  for (let index = 0; index < 5; index++) {
    await assert.rejects(throttle.run('alice', () => Promise.reject(new Error('queue full'))))
  }
  await fail(1)
})

test('`run()` remembers a bounded number of names', async () => {
  const { attempt, fail } = setUp()
  await fail(10)
  for (let index = 0; index < 9_999; index++) await attempt(`name${index}`)
  assert.equal(await attempt('alice'), 1)
  await attempt('one-more')
  assert.equal(await attempt('alice'), undefined)
})

test('`run()` counts failures of an address over all names, and not what did not fail', async () => {
  const { clock, throttle } = setUp()
  const run = (name: string, result: true | undefined) => throttle.run(name, async () => result, '192.0.2.1')
  for (let index = 0; index < 99; index++) assert.equal(await run(`name${index}`, undefined), undefined)
  for (let index = 0; index < 200; index++) assert.equal(await run('right', true), true)
  await assert.rejects(throttle.run('x', () => Promise.reject(new Error('queue full')), '192.0.2.1'))
  await run('the hundredth', undefined)
  await assert.rejects(run('right', true), { code: 'TOO_MANY_ATTEMPTS', retryAfterS: 6 })
  assert.equal(await throttle.run('right', async () => true, '192.0.2.2'), true)
  clock.now += 6_000
  assert.equal(await run('right', true), true)
})
