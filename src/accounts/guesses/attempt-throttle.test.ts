import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AccountError } from '../accounts.ts'
import { AttemptThrottle, type ThrottleNews } from './attempt-throttle.ts'

const ATTACKER = '198.51.100.1'
const OWNER = '203.0.113.1'

interface Login {
  readonly name?: string
  readonly address?: string | undefined
  readonly isRight?: boolean
  /** By default another one with each attempt, as of a guesser. */
  readonly password?: string
}

function setUp(options: { relay?: (news: ThrottleNews) => void; knownPlaces?: Set<string> } = {}) {
  const clock = { now: 1_800_000_000_000 }
  const { relay, knownPlaces } = options
  const places = knownPlaces && {
    has: async (name: string, block: string) => knownPlaces.has(`${name} ${block}`),
    add: async (name: string, block: string) => void knownPlaces.add(`${name} ${block}`),
  }
  const throttle = new AttemptThrottle({ clock: () => clock.now, relay, places })
  let guesses = 0
  const attemptOf = ({ name = 'alice', address, password }: Login) => ({
    name,
    remoteAddress: address,
    key: `${name}:${password ?? `guess ${++guesses}`}`,
  })
  /** Makes an attempt. @returns undefined if it was checked, else the seconds to wait. */
  const attempt = async (login: Login): Promise<number | undefined> => {
    try {
      await throttle.run(attemptOf(login), async () => login.isRight || undefined)
      return undefined
    } catch (error) {
      assert.ok(error instanceof AccountError)
      assert.equal(error.code, 'TOO_MANY_ATTEMPTS')
      return error.retryAfterS ?? Number.NaN
    }
  }
  const fail = async (times: number, login: Login = {}): Promise<void> => {
    for (let index = 0; index < times; index++) assert.equal(await attempt(login), undefined)
  }
  /** Guesses twice a second for some time. @returns the number of checks. */
  const guessFor = async (seconds: number, login: Login = {}): Promise<number> => {
    let checked = 0
    for (let index = 0; index < 2 * seconds; index++) {
      if ((await attempt(login)) === undefined) checked++
      clock.now += 500
    }
    return checked
  }
  return { clock, throttle, attemptOf, attempt, fail, guessFor }
}

test('`run()` makes guesses at a name wait after ten failures, twice as long each time, up to 30 s', async () => {
  const { clock, attempt, fail } = setUp()
  await fail(10)
  for (const waitS of [1, 2, 4, 8, 16, 30, 30]) {
    assert.equal(await attempt({ name: 'bob' }), undefined)
    assert.ok(await attempt({}))
    clock.now += waitS * 1_000 - 1
    assert.ok(await attempt({}))
    clock.now += 1
    assert.equal(await attempt({}), undefined)
  }
})

test('`run()` lets the right password through at its second attempt, whatever else is guessed from the same address', async () => {
  for (const address of [undefined, '127.0.0.1', ATTACKER]) {
    const { clock, attempt, guessFor } = setUp()
    await guessFor(60, { address })
    for (let round = 0; round < 30; round++) {
      await guessFor(1, { address })
      const login = { address, isRight: true, password: 'right' }
      const waitS = await attempt(login)
      if (waitS !== undefined) {
        assert.ok(waitS <= 5, `${waitS}`)
        await guessFor(waitS, { address })
        assert.equal(await attempt(login), undefined)
      }
      clock.now += 60_000
      await guessFor(60, { address })
    }
  }
})

test('`run()` gives guesses that come back no more turns than one in five seconds', async () => {
  const { clock, attempt, fail } = setUp()
  await fail(10)
  let checked = 0
  for (let second = 0; second < 100; second++) {
    for (let index = 0; index < 20; index++) {
      for (let twice = 0; twice < 2; twice++) {
        if ((await attempt({ password: `${second} ${index}` })) === undefined) checked++
      }
    }
    clock.now += 1_000
  }
  // Twenty repeated ones, and seven fresh guesses as their waits end.
  assert.ok(checked <= 28, `${checked}`)
})

test('`run()` lets the right password through where several addresses send each guess twice', async () => {
  const { clock, attempt } = setUp()
  const unchecked = new Map<string, string>()
  let guesses = 0
  const guess = async (address: string): Promise<void> => {
    const password = unchecked.get(address) ?? `of many ${++guesses}`
    if ((await attempt({ address, password })) === undefined) unchecked.delete(address)
    else unchecked.set(address, password)
  }
  const guessAll = async (): Promise<void> => {
    clock.now += 50
    for (let at = 0; at < 20; at++) await guess(`192.0.2.${at}`)
  }
  for (let step = 0; step < 5 * 60 * 20; step++) await guessAll()
  const owner = { address: OWNER, isRight: true, password: 'right' }
  const begin = clock.now
  for (let waitS = await attempt(owner); waitS !== undefined; waitS = await attempt(owner)) {
    assert.ok(clock.now - begin < 60_000, 'kept out for a minute')
    for (const end = clock.now + 1_000 * waitS; clock.now < end; ) await guessAll()
  }
})

test('`run()` does not hold up a name where others guess at it, and not where it logged in before', async () => {
  const knownPlaces = new Set<string>()
  const { attempt, fail, guessFor } = setUp({ knownPlaces })
  assert.equal(await attempt({ address: OWNER, isRight: true }), undefined)
  await fail(10, { address: ATTACKER })
  assert.ok(await attempt({ address: ATTACKER }))
  assert.equal(await attempt({ address: '192.0.2.1' }), undefined, 'one more address')
  for (let at = 2; at < 5; at++) await fail(10, { address: `192.0.2.${at}` })
  await fail(9, { address: '192.0.2.5' })
  assert.ok(await attempt({ address: '192.0.2.9' }), 'many guess together')
  await guessFor(120, { address: '192.0.2.10' })
  assert.equal(await attempt({ address: OWNER, isRight: true }), undefined)
  await fail(10, { address: OWNER })
  assert.ok(await attempt({ address: OWNER }), 'a known address may not guess for ever')
})

test('`run()` forgets failures after a success, and after a quarter of an hour', async () => {
  const { clock, attempt, fail } = setUp()
  await fail(9)
  assert.equal(await attempt({ isRight: true }), undefined)
  await fail(10)
  clock.now += 15 * 60_000
  await fail(10)
  assert.equal(await attempt({}), 1)
})

test('`run()` does not let checks at once go past what is free', async () => {
  const { throttle, attemptOf, fail, attempt } = setUp()
  await fail(7)
  const ends: (() => void)[] = []
  const pending = () => new Promise<undefined>((resolve) => ends.push(() => resolve(undefined)))
  const running = [1, 2, 3].map(() => throttle.run(attemptOf({}), pending))
  assert.equal(await attempt({}), 1)
  assert.equal(await attempt({ name: 'bob' }), undefined)
  for (const end of ends) end()
  await Promise.all(running)
  assert.equal(await attempt({}), 1)
})

test('`run()` does not count a check that could not be made, and lets one that the queue refused come first', async () => {
  const { throttle, attemptOf, fail, attempt } = setUp()
  await fail(9)
  for (let index = 0; index < 5; index++) {
    await assert.rejects(throttle.run(attemptOf({}), () => Promise.reject(new Error('disk'))))
  }
  const mine = attemptOf({ password: 'right' })
  const full = new AccountError('TOO_MANY_ATTEMPTS', 'Too many passwords are being checked', 2)
  await assert.rejects(
    throttle.run(mine, () => Promise.reject(full)),
    full,
  )
  await fail(1)
  assert.ok(await attempt({}))
  assert.equal(await throttle.run(mine, async ({ first }) => first), true)
})

test('`run()` lets what only the queue refused come first at its second attempt', async () => {
  const { throttle, attemptOf } = setUp()
  const mine = attemptOf({ password: 'right', address: OWNER })
  const full = new AccountError('TOO_MANY_ATTEMPTS', 'Too many passwords are being checked', 2)
  await assert.rejects(
    throttle.run(mine, () => Promise.reject(full)),
    full,
  )
  assert.equal(await throttle.run(mine, async ({ first }) => first), true)
  assert.equal(await throttle.run(mine, async ({ first }) => !first), true, 'once')
})

test('`run()` remembers a bounded number of names', async () => {
  const { attempt, fail } = setUp()
  await fail(10)
  for (let index = 0; index < 9_999; index++) await attempt({ name: `name${index}` })
  assert.equal(await attempt({}), 1)
  await attempt({ name: 'one-more' })
  assert.equal(await attempt({}), undefined)
})

test('`run()` counts failures of an address over all names, and not what did not fail', async () => {
  const { clock, throttle, attemptOf, attempt } = setUp()
  const address = '192.0.2.1'
  for (let index = 0; index < 99; index++) {
    assert.equal(await attempt({ name: `name${index}`, address }), undefined)
  }
  for (let index = 0; index < 200; index++) {
    assert.equal(await attempt({ name: 'right', address, isRight: true }), undefined)
  }
  await assert.rejects(throttle.run(attemptOf({ address }), () => Promise.reject(new Error('disk'))))
  await attempt({ name: 'the hundredth', address })
  const login = { name: 'right', address, isRight: true, password: 'right' }
  await assert.rejects(
    throttle.run(attemptOf(login), async () => true),
    { message: 'Too many failed log-ins from this address' },
  )
  assert.equal(await attempt(login), undefined, 'it comes back')
  assert.ok(await attempt({ name: 'another', address, password: 'x' }))
  assert.ok(await attempt({ name: 'another', address, password: 'x' }), 'one in a second of an address')
  assert.equal(await attempt({ ...login, address: '192.0.2.2' }), undefined)
  clock.now += 6_000
  assert.equal(await attempt({ name: 'fresh', address, isRight: true }), undefined)
})

test('`note()` counts what other processes see: failures, and credentials they have refused', async () => {
  const processes: ReturnType<typeof setUp>[] = []
  for (let index = 0; index < 3; index++) {
    processes.push(
      setUp({
        relay: (news) => {
          for (const [other, { throttle }] of processes.entries()) if (other !== index) throttle.note(news)
        },
      }),
    )
  }
  const [first, second, third] = processes as [
    (typeof processes)[0],
    (typeof processes)[0],
    (typeof processes)[0],
  ]
  await first.fail(10)
  assert.ok(await second.attempt({}))
  const login = { isRight: true, password: 'right' }
  assert.ok(await second.attempt(login))
  assert.equal(await third.attempt(login), undefined)
  await first.fail(10)
  assert.ok(await third.attempt({ password: 'again' }))
  assert.ok(await first.attempt({ password: 'again' }), 'one turn for all processes')
})
