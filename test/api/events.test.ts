import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { RegistryUnderTest } from '../protocol/registry-under-test.ts'
import { until } from '../support/machine/until.ts'
import { noteSecret } from '../support/program/secret-canary.ts'
import { apiEngines } from './api-engines.ts'

/** Longest time from the end of credentials to that of their stream, in milliseconds: one look, and room for a busy machine. */
const MAX_END_MS = 8_000
const PASSWORD = 'a password long enough'

/** Acts after which the credentials of a stream are no longer right. */
const ENDS: readonly (readonly [
  what: string,
  name: string,
  end: (registry: RegistryUnderTest, name: string) => Promise<void>,
])[] = [
  ['removal', 'removed', (registry, name) => registry.manage(({ accounts }) => accounts.remove(name))],
  [
    'disabling',
    'disabled',
    (registry, name) => registry.manage(({ accounts }) => accounts.setDisabled(name, true)),
  ],
  [
    'a new password',
    'changed',
    (registry, name) => registry.manage(({ accounts }) => accounts.setPassword(name, `${PASSWORD} 2`)),
  ],
]

for (const engine of apiEngines()) {
  describe(`streams of events (${engine.name})`, { skip: engine.skip, concurrency: true }, () => {
    let registry: RegistryUnderTest
    before(async () => {
      registry = await engine.start()
      noteSecret(PASSWORD)
    })
    after(() => registry[Symbol.asyncDispose]())

    for (const [what, name, end] of ENDS) {
      test(`end with the account: ${what}`, async () => {
        await registry.manage(({ accounts }) => accounts.add({ name, password: PASSWORD, isAdmin: true }))
        await assertEnds(registry, registry.basic(name, PASSWORD), () => end(registry, name))
      })
    }
  })

  describe(`streams of events with tokens (${engine.name})`, { skip: engine.skip }, () => {
    let registry: RegistryUnderTest
    before(async () => {
      registry = await engine.start()
    })
    after(() => registry[Symbol.asyncDispose]())

    test('end with the token that opened them, and leave those of the password alone', async () => {
      let secret = ''
      await registry.manage(async ({ tokens }) => {
        secret = (await tokens.create({ user: 'admin', name: 'ci' })).secret
        noteSecret(secret)
      })
      await using other = await openStream(registry, registry.basic('admin'))
      const revoke = () => registry.manage(({ tokens }) => tokens.revoke('admin', 'ci'))
      await assertEnds(registry, registry.basic('admin', secret), revoke)
      assert.equal(other.hasEnded(), false)
    })

    test('are bounded for each account, and leave some to others', async () => {
      await using first = await openStream(registry, registry.basic('admin'))
      await using second = await openStream(registry, registry.basic('admin'))
      const refused = await registry.send('admin', 'GET', '/api/v1/events')
      assert.deepEqual([refused.status, refused.json.code], [429, 'STREAMS_FULL'])
      assert.match(String(refused.json.detail), /^This account has 2 streams/)
      await registry.manage(({ accounts }) =>
        accounts.add({ name: 'dora', password: PASSWORD, isAdmin: true }),
      )
      await using another = await openStream(registry, registry.basic('dora', PASSWORD))
      for (const stream of [first, second, another]) assert.equal(stream.hasEnded(), false)
    })
  })
}

/** A stream of which the first event is there, read until it ends. */
async function openStream(
  registry: RegistryUnderTest,
  authorization: string,
): Promise<AsyncDisposable & { hasEnded: () => boolean }> {
  const gone = new AbortController()
  const { status, body } = await fetch(`${registry.url}/api/v1/events`, {
    headers: { authorization },
    signal: gone.signal,
  })
  assert.equal(status, 200)
  const reader = body?.getReader() ?? assert.fail()
  assert.match(Buffer.from((await reader.read()).value ?? []).toString(), /^event: status\n/)
  let ended = false
  const reading = (async () => {
    while (!(await reader.read()).done);
    ended = true
  })().catch(() => undefined)
  return {
    hasEnded: () => ended,
    async [Symbol.asyncDispose]() {
      gone.abort()
      await reading
    },
  }
}

async function assertEnds(
  registry: RegistryUnderTest,
  authorization: string,
  end: () => Promise<void>,
): Promise<void> {
  await using stream = await openStream(registry, authorization)
  await end()
  const endedAt = performance.now()
  await until(async () => stream.hasEnded())
  assert.ok(performance.now() - endedAt < MAX_END_MS)
  const { status } = await fetch(`${registry.url}/api/v1/events`, { headers: { authorization } })
  assert.equal(status, 401)
}
