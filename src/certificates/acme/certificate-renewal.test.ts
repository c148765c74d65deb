import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { makePair, readLeaf } from '../../../test/support/acme/acme-pair.ts'
import { makeAcmeRoom, settle, wishFor } from '../../../test/support/acme/acme-room.ts'
import { problemReply, ScriptedAcmeServer } from '../../../test/support/acme/scripted-acme-server.ts'
import type { CertificateStatus } from './certificate-status.ts'
import { renewalInfoId } from './client/renewal-info.ts'

const HOUR_MS = 3600 * 1000
const DAY_MS = 24 * 3600 * 1000
const NAME = 'app.example.com'

describe('`CertificateManager` renews', () => {
  test('when a third of the lifetime is left, with a new key', async () => {
    await using pair = await makePair()
    const { room } = pair
    await settle(room, wishFor([NAME]))
    const first = readLeaf(room, NAME)
    room.clock.now += 59 * DAY_MS
    await room.manager.check()
    assert.equal(room.keeper.installs.length, 1)
    room.clock.now += 2 * DAY_MS
    await room.manager.check()
    assert.equal(room.keeper.installs.length, 2)
    assert.notDeepEqual(
      readLeaf(room, NAME).publicKey.export({ format: 'jwk' }),
      first.publicKey.export({ format: 'jwk' }),
    )
  })

  test('at the time the CA advises, naming what it replaces, and picks anew when the CA moves it', async () => {
    await using pair = await makePair()
    const { room, ca } = pair
    const at = (days: number): Date => new Date(Math.floor(room.clock.now / 1000) * 1000 + days * DAY_MS)
    ca.renewalWindow = { start: at(40), end: at(42) }
    await settle(room, wishFor([NAME]))
    await room.manager.check()
    const [advised] = room.manager.status()
    assert.equal(advised?.nextAttemptAt, at(40).getTime())
    ca.renewalWindow = { start: at(1), end: at(2), explanationURL: 'https://ca.example.com/incident' }
    room.clock.now += 7 * HOUR_MS
    const start = ca.renewalWindow.start.getTime()
    await room.manager.check()
    assert.equal(room.manager.status()[0]?.nextAttemptAt, start)
    const moved = room.log.find(({ msg }) => msg === 'the CA has moved the time of renewal')
    assert.equal(moved?.why, 'https://ca.example.com/incident')
    const replaced = renewalInfoId(room.keeper.pairs.get(NAME)?.chainPem ?? '')
    room.clock.now = start + 1
    await room.manager.check()
    assert.equal(room.keeper.installs.length, 2)
    assert.equal(ca.callsOf('order').findLast(({ rest }) => rest.length === 0)?.payload?.replaces, replaced)
  })

  test('by the lifetime when the CA names a window that ends before it starts', async () => {
    await using pair = await makePair()
    const { room, ca } = pair
    ca.renewalWindow = { start: new Date(room.clock.now), end: new Date(room.clock.now - DAY_MS) }
    await settle(room, wishFor([NAME]))
    await room.manager.check()
    const [status] = room.manager.status()
    assert.equal(status?.window, undefined)
    assert.ok((status?.nextAttemptAt ?? 0) > room.clock.now + 59 * DAY_MS)
    assert.ok(room.log.some(({ msg }) => msg === 'the renewal advice of the CA could not be fetched'))
  })

  test('without `replaces` if the CA says that it has been replaced, and on the attempt after a failure', async () => {
    await using pair = await makePair()
    const { room, ca } = pair
    ca.renewalWindow = { start: new Date(room.clock.now), end: new Date(room.clock.now + HOUR_MS) }
    await settle(room, wishFor([NAME]))
    const opened: unknown[] = []
    ca.script('order', ({ rest, payload }) => {
      if (rest.length > 0) return undefined
      opened.push(payload?.replaces !== undefined)
      return payload?.replaces === undefined
        ? undefined
        : problemReply('alreadyReplaced', 'no', { status: 409 })
    })
    room.clock.now += 2 * HOUR_MS
    await room.manager.check()
    assert.deepEqual(opened, [true, false])
    assert.equal(room.keeper.installs.length, 2)
    ca.script('finalize', problemReply('serverInternal', 'oops', { status: 500 }), 1)
    room.clock.now += 2 * HOUR_MS
    await room.manager.check()
    room.clock.now += 2 * HOUR_MS
    await room.manager.check()
    assert.equal(room.keeper.installs.length, 3)
  })

  test('by itself, in time, without any request', async () => {
    await using ca = await ScriptedAcmeServer.start()
    await using room = await makeAcmeRoom({ directory: ca.directoryUrl }, { clock: Date.now })
    // The time an order takes on this machine decides how long a certificate must live to be renewed in time.
    const begin = performance.now()
    await settle(room, wishFor(['other.example.com']))
    const before = ca.callsOf('cert').length
    ca.validityMs = Math.max(5_000, 10 * (performance.now() - begin))
    const renewed = Promise.withResolvers<void>()
    ca.script('cert', () => {
      if (ca.callsOf('cert').length === before + 2) renewed.resolve()
      return undefined
    })
    let status: CertificateStatus | undefined
    ca.script('order', ({ rest }) => {
      const [now] = room.manager.status()
      if (rest.length === 0 && now?.certificate) status = now
      return undefined
    })
    await room.manager.setWishes([wishFor([NAME])])
    await renewed.promise
    await room.manager[Symbol.asyncDispose]()
    const issued = room.log.filter(({ msg }) => msg === 'certificate issued')
    const times = issued.slice(1).map(({ time }) => Number(time))
    const waitMs = (times[1] ?? Date.now()) - (times[0] ?? 0)
    assert.ok(waitMs > 1000, `after ${waitMs} ms`)
    // The planned time, however late a busy machine reached it.
    const { nextAttemptAt = Number.POSITIVE_INFINITY, certificate } = status ?? {}
    assert.ok(nextAttemptAt < (certificate?.notAfter ?? 0), `planned for ${nextAttemptAt}`)
  })

  test('at once on request, and says what there is none to renew of', async () => {
    await using pair = await makePair()
    const { room } = pair
    await settle(room, wishFor([NAME]))
    const [status] = await room.manager.renewNow([NAME])
    assert.equal(status?.state, 'valid')
    assert.equal(room.keeper.installs.length, 2)
    await assert.rejects(room.manager.renewNow(['other.example.com']), { code: 'ACME_NAMES_REFUSED' })
  })

  test('no longer when the wish is gone, and deletes nothing', async () => {
    await using pair = await makePair()
    const { room, ca } = pair
    await settle(room, wishFor([NAME]))
    await room.manager.setWishes([])
    room.clock.now += 80 * DAY_MS
    await room.manager.check()
    assert.equal(ca.callsOf('finalize').length, 1)
    assert.deepEqual([...room.keeper.pairs.keys()], [NAME])
    const files = await readdir(join(room.folder, 'certificates'))
    assert.equal(files.length, 1)
  })

  test('once, not in a circle, when the new certificate is lost at once', async () => {
    await using pair = await makePair()
    const { room, ca } = pair
    await settle(room, wishFor([NAME]))
    room.keeper.pairs.clear()
    await room.manager.check()
    assert.equal(ca.callsOf('finalize').length, 1)
    room.clock.now += HOUR_MS
    await room.manager.check()
    assert.equal(ca.callsOf('finalize').length, 2)
  })
})
