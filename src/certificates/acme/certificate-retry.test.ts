import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { describe, test } from 'node:test'
import { makePair } from '../../../test/support/acme/acme-pair.ts'
import { settle, wishFor } from '../../../test/support/acme/acme-room.ts'
import { problemReply, ScriptedAcmeServer } from '../../../test/support/acme/scripted-acme-server.ts'

const NAME = 'app.example.com'

describe('`CertificateManager` after a failure', () => {
  test('climbs the ladder, over a restart, too', async () => {
    await using pair = await makePair()
    const { room, ca } = pair
    ca.script('order', problemReply('rejectedIdentifier', 'not this one', { status: 403 }))
    const orders = (): number => ca.callsOf('order').length
    const status = await settle(room, wishFor([NAME]))
    assert.equal(status.state, 'failing')
    assert.equal(status.nextAttemptAt, room.clock.now + 60_000)
    await room.restart()
    const again = await settle(room, wishFor([NAME]))
    assert.equal(orders(), 1, 'a restart must not ask again')
    assert.deepEqual(again.failures, { count: 1, since: room.clock.now })
    room.clock.now += 60_000
    await room.manager.check()
    assert.equal(orders(), 2)
    assert.equal(room.manager.status()[0]?.nextAttemptAt, room.clock.now + 120_000)
  })

  test('tries the staging directory first', async () => {
    await using staging = await ScriptedAcmeServer.start()
    await using pair = await makePair()
    const { ca, room } = pair
    await room.restart({ stagingDirectory: staging.directoryUrl })
    ca.judge = () => ({ type: 'urn:ietf:params:acme:error:connection', detail: 'refused' })
    staging.judge = ca.judge
    await settle(room, wishFor([NAME]))
    assert.equal(staging.calls.length, 0)
    room.clock.now += 2 * 60_000
    await room.manager.check()
    assert.equal(ca.callsOf('challenge').length, 1, 'the real CA is spared')
    assert.equal(staging.callsOf('challenge').length, 1)
    ca.judge = () => undefined
    staging.judge = ca.judge
    room.clock.now += 10 * 60_000
    await room.manager.check()
    assert.equal(staging.callsOf('finalize').length, 1)
    assert.equal(ca.callsOf('finalize').length, 1)
    assert.equal(room.manager.status()[0]?.state, 'valid')
  })

  test('goes to the real directory when the staging one is down or busy', async () => {
    await using staging = await ScriptedAcmeServer.start()
    await using pair = await makePair()
    const { ca, room } = pair
    await room.restart({ stagingDirectory: staging.directoryUrl })
    staging.script('directory', problemReply('serverInternal', 'maintenance', { status: 503 }))
    ca.script('order', problemReply('serverInternal', 'oops', { status: 500 }), 1)
    await settle(room, wishFor([NAME]))
    room.clock.now += 60_000
    await room.manager.check()
    assert.equal(room.manager.status()[0]?.state, 'valid')
    assert.ok(room.log.some(({ msg }) => String(msg).includes('staging directory cannot be used')))
  })

  test('proves the name in another way', async () => {
    await using pair = await makePair()
    const { room, ca } = pair
    ca.judge = ({ type }) => (type === 'http-01' ? { type: 'connection', detail: 'closed' } : undefined)
    await settle(room, wishFor([NAME]))
    room.clock.now += 60_000
    await room.manager.check()
    assert.deepEqual(
      ca.callsOf('challenge').map(({ rest }) => rest[1]),
      ['http-01', 'tls-alpn-01'],
    )
    assert.equal(room.manager.status()[0]?.state, 'valid')
  })

  test('to install, fetches the same certificate again instead of ordering another', async () => {
    await using pair = await makePair()
    const { room, ca } = pair
    room.keeper.failure = new Error('disk full')
    const status = await settle(room, wishFor([NAME]))
    assert.match(status.lastError?.message ?? '', /disk full/)
    await room.restart()
    room.clock.now += 60_000
    const later = await settle(room, wishFor([NAME]))
    assert.equal(later.state, 'valid', JSON.stringify(later.lastError))
    assert.equal(ca.callsOf('finalize').length, 1)
    const orders = ca.callsOf('order').filter(({ rest }) => rest.length === 0)
    assert.equal(orders.length, 1)
  })

  test('to write where it must, does not ask the CA', async () => {
    await using pair = await makePair()
    const { room, ca } = pair
    await mkdir(dirname(dirname(room.folder)), { recursive: true })
    await writeFile(dirname(room.folder), 'in the way')
    const status = await settle(room, wishFor([NAME]))
    assert.equal(status.lastError?.code, 'ACME_STORAGE_UNUSABLE')
    assert.match(status.lastError?.remedy ?? '', /writable/)
    assert.equal(ca.calls.length, 0)
  })

  test('stops in the middle of an order without counting that as a failure, and goes on with it', async () => {
    await using pair = await makePair()
    const { room, ca } = pair
    const requested = Promise.withResolvers<void>()
    const never = Promise.withResolvers<void>()
    ca.script(
      'finalize',
      () => {
        requested.resolve()
        return { wait: never.promise }
      },
      1,
    )
    await room.manager.setWishes([wishFor([NAME])])
    await requested.promise
    await room.restart()
    never.resolve()
    const status = await settle(room, wishFor([NAME]))
    assert.equal(status.state, 'valid', JSON.stringify(status.lastError))
    assert.equal(ca.callsOf('order').filter(({ rest }) => rest.length === 0).length, 1)
  })
})
