import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Account } from '../accounts.ts'
import type { KnownAccount } from '../users/account-lookup.ts'
import { PasswordAuthenticator } from './authenticator.ts'
import { LoginGuard } from './login-guard.ts'

const PASSWORD = 'correct horse'

/** An authenticator over one account in memory, whose hash is its password; a check ends when the test says so. */
function setUp() {
  const guard = new LoginGuard({ clock: () => 0 })
  let lookUps = 0
  let known: KnownAccount | undefined = { account: accountAt('1.1'), argon2Hash: PASSWORD }
  let checks: (() => void)[] = []
  const authenticator = new PasswordAuthenticator({
    scope: 'test',
    find: async () => {
      lookUps++
      return known
    },
    check: ({ known: found, password }) =>
      new Promise((resolve) =>
        checks.push(() => resolve(found && found.argon2Hash === password ? found.account : undefined)),
      ),
    ...guard,
  })
  return {
    authenticator,
    verify: (password: string) => authenticator.verifyPassword('alice', password),
    lookUps: () => lookUps,
    set: (next: KnownAccount | undefined) => {
      known = next
    },
    /** Lets the waiting checks end. @returns their number. */
    endChecks: async () => {
      for (let turn = 0; turn < 5; turn++) await nextTurn()
      const waiting = checks
      checks = []
      for (const end of waiting) end()
      return waiting.length
    },
  }
}

function accountAt(version: string, isDisabled = false): Account {
  const source = 'database'
  return {
    id: 'user:1',
    name: 'alice',
    owns: [],
    isAdmin: false,
    isDisabled,
    source,
    version,
    createdAt: undefined,
  }
}

test('`verifyPassword()` looks the account up once, whether it has to check the password or remembers it', async () => {
  const t = setUp()
  const checked = t.verify(PASSWORD)
  assert.equal(await t.endChecks(), 1)
  assert.equal((await checked)?.version, '1.1')
  assert.equal(t.lookUps(), 1)
  assert.equal((await t.verify(PASSWORD))?.version, '1.1')
  assert.equal(t.lookUps(), 2)
  const wrong = t.verify('wrong')
  await t.endChecks()
  assert.equal(await wrong, undefined)
  assert.equal(t.lookUps(), 3)
})

test('`verifyPassword()` does not let an attempt after a change share the check of one before it', async () => {
  const t = setUp()
  const before = t.verify(PASSWORD)
  await nextTurn()
  t.set({ account: accountAt('1.2'), argon2Hash: 'another password' })
  const after = t.verify(PASSWORD)
  assert.equal(await t.endChecks(), 2)
  // The first gets the account's version of before the change, so no token that it gets outlives the change.
  assert.deepEqual([(await before)?.version, await after], ['1.1', undefined])
})

test('`verifyPassword()` remembers nothing of an account that is disabled', async () => {
  const t = setUp()
  t.set({ account: accountAt('1.1', true), argon2Hash: PASSWORD })
  const disabled = t.verify(PASSWORD)
  await t.endChecks()
  assert.equal(await disabled, undefined)
  t.set({ account: accountAt('1.1'), argon2Hash: PASSWORD })
  const enabled = t.verify(PASSWORD)
  assert.equal(await t.endChecks(), 1)
  assert.equal((await enabled)?.name, 'alice')
})

test('`verifyPassword()` keeps no answer for a name that gets an account while its password is checked', async () => {
  const t = setUp()
  t.set(undefined)
  const before = t.verify(PASSWORD)
  await nextTurn()
  t.set({ account: accountAt('1.1'), argon2Hash: PASSWORD })
  const after = t.verify(PASSWORD)
  await t.endChecks()
  assert.deepEqual([await before, (await after)?.name], [undefined, 'alice'])
  assert.ok(await t.verify(PASSWORD))
})
