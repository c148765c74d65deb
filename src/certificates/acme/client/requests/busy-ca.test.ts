import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { makeAcmeRoom, settle, wishFor } from '../../../../../test/support/acme/acme-room.ts'
import {
  problemReply,
  ScriptedAcmeServer,
  type ScriptedReply,
} from '../../../../../test/support/acme/scripted-acme-server.ts'
import { MAX_NONCE_RETRIES } from './acme-directory.ts'

const HOUR_MS = 3600 * 1000
const DAY_MS = 24 * HOUR_MS
const NAME = 'app.example.com'

describe('A CA that is busy', () => {
  const busy = (retryAfter: string, status: number): ScriptedReply =>
    problemReply('rateLimited', 'too many new orders recently', {
      status,
      headers: { 'retry-after': retryAfter },
    })
  const rows = [
    { title: 'names seconds', retryAfter: () => '7200', waitMs: 2 * HOUR_MS },
    {
      title: 'names a date',
      retryAfter: (now: number) => new Date(now + 3 * HOUR_MS).toUTCString(),
      waitMs: 3 * HOUR_MS,
    },
    { title: 'names ten years', retryAfter: () => `${10 * 365 * 24 * 3600}`, waitMs: 8 * DAY_MS },
    { title: 'names nonsense', retryAfter: () => 'soon', waitMs: 60_000 },
    { title: 'names a date that has passed', retryAfter: () => new Date(0).toUTCString(), waitMs: 60_000 },
  ]
  for (const { title, retryAfter, waitMs } of rows)
    test(`and ${title} is left alone for as long`, async () => {
      await using ca = await ScriptedAcmeServer.start()
      await using room = await makeAcmeRoom({ directory: ca.directoryUrl })
      room.clock.now = Math.floor(room.clock.now / 1000) * 1000
      ca.clock = () => room.clock.now
      ca.script('order', busy(retryAfter(room.clock.now), 429))
      const status = await settle(room, wishFor([NAME]))
      assert.equal(status.nextAttemptAt, room.clock.now + waitMs)
      assert.equal(status.lastError?.problem?.type, 'rateLimited')
      const orders = ca.callsOf('order').length
      room.clock.now += waitMs - 1
      await room.restart()
      await settle(room, wishFor([NAME]))
      assert.equal(ca.callsOf('order').length, orders)
      ca.scripts.length = 0
      room.clock.now += 1
      await room.manager.check()
      assert.equal(room.manager.status()[0]?.state, 'valid')
    })

  test('for a moment gets the request again at once', async () => {
    await using ca = await ScriptedAcmeServer.start()
    await using room = await makeAcmeRoom({ directory: ca.directoryUrl })
    ca.script('order', busy('0', 503), 2)
    const status = await settle(room, wishFor([NAME]))
    assert.equal(status.state, 'valid', JSON.stringify(status.lastError))
  })
})

describe('A CA with nonces of little use', () => {
  test('gets a bounded number of requests', async () => {
    await using ca = await ScriptedAcmeServer.start()
    await using room = await makeAcmeRoom({ directory: ca.directoryUrl })
    ca.script('account', problemReply('badNonce', 'no'))
    await settle(room, wishFor([NAME]))
    assert.equal(ca.callsOf('account').length, MAX_NONCE_RETRIES + 1)
  })

  test('gives a certificate all the same if it takes one now and then', async () => {
    await using ca = await ScriptedAcmeServer.start()
    await using room = await makeAcmeRoom({ directory: ca.directoryUrl })
    let count = 0
    ca.scripts.push(({ method }) =>
      method === 'POST' && count++ % 4 !== 0 ? problemReply('badNonce', 'no') : undefined,
    )
    const status = await settle(room, wishFor([NAME]))
    assert.equal(status.state, 'valid', JSON.stringify(status.lastError))
  })
})

test('A CA that has lost our account gets a new one', async () => {
  await using ca = await ScriptedAcmeServer.start()
  await using room = await makeAcmeRoom({ directory: ca.directoryUrl })
  await settle(room, wishFor([NAME]))
  const [before] = ca.accounts.values()
  ca.accounts.clear()
  await room.manager.renewNow()
  assert.equal(room.keeper.installs.length, 2)
  const [after] = ca.accounts.values()
  assert.notEqual(after?.x, before?.x)
})

test('A profile that the CA does not have is refused with those it has', async () => {
  await using ca = await ScriptedAcmeServer.start()
  await using room = await makeAcmeRoom({ directory: ca.directoryUrl, profile: 'shortlived' })
  ca.meta = { profiles: { classic: '…', tlsserver: '…' } }
  const status = await settle(room, wishFor([NAME]))
  assert.match(status.lastError?.message ?? '', /no profile shortlived; it offers classic, tlsserver/)
  ca.meta = { profiles: { shortlived: '…' } }
  await room.manager.renewNow()
  assert.equal(ca.callsOf('order').find(({ rest }) => rest.length === 0)?.payload?.profile, 'shortlived')
})

test('No CA at all leaves a sentence with a remedy', async () => {
  await using room = await makeAcmeRoom({ directory: 'http://127.0.0.1:1/directory' })
  const status = await settle(room, wishFor([NAME]))
  assert.equal(status.lastError?.code, 'ACME_UNREACHABLE')
  assert.match(status.lastError?.message ?? '', /127\.0\.0\.1:1 cannot be reached: .*ECONNREFUSED/)
  assert.match(status.lastError?.remedy ?? '', /DNS, firewall, proxy/)
})
