import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { type AcmeRoom, makeAcmeRoom, settle, wishFor } from '../../../test/support/acme-room.ts'
import { problemReply, ScriptedAcmeServer } from '../../../test/support/scripted-acme-server.ts'
import { renewalInfoId } from './renewal-info.ts'

const HOUR_MS = 3600 * 1000
const DAY_MS = 24 * HOUR_MS
const NAME = 'app.example.com'

/** A CA and a manager that go by the same clock. */
async function makePair(): Promise<{ ca: ScriptedAcmeServer; room: AcmeRoom } & AsyncDisposable> {
  const ca = await ScriptedAcmeServer.start()
  const room = await makeAcmeRoom({ directory: ca.directoryUrl })
  ca.clock = () => room.clock.now
  const dispose = async (): Promise<void> => {
    await room[Symbol.asyncDispose]()
    await ca[Symbol.asyncDispose]()
  }
  return { ca, room, [Symbol.asyncDispose]: dispose }
}

function leafOf(room: AcmeRoom, name: string = NAME): X509Certificate {
  return new X509Certificate(room.keeper.pairs.get(name)?.chainPem ?? '')
}

describe('`CertificateManager` orders', () => {
  test('a certificate for a wish, once, and answers the challenge while it is open only', async () => {
    await using ca = await ScriptedAcmeServer.start()
    await using room = await makeAcmeRoom({ directory: ca.directoryUrl, email: 'me@example.com' })
    const tokens: string[] = []
    ca.judge = ({ token, keyAuthorization }) => {
      tokens.push(token)
      const isRight = room.manager.challenges.httpAnswer(token) === keyAuthorization
      return isRight ? undefined : { type: 'unauthorized', detail: 'wrong answer' }
    }
    const status = await settle(room, wishFor([NAME, 'www.example.com']))
    assert.equal(status.lastError, undefined)
    assert.equal(status.state, 'valid')
    assert.deepEqual(room.keeper.installs, [NAME])
    const [registration] = ca.callsOf('account')
    assert.deepEqual(registration?.payload, {
      termsOfServiceAgreed: true,
      contact: ['mailto:me@example.com'],
    })
    assert.deepEqual(
      tokens.map((token) => room.manager.challenges.httpAnswer(token)),
      [undefined, undefined],
    )
    await room.manager.check()
    assert.equal(ca.callsOf('finalize').length, 1)
    assert.equal(leafOf(room).publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1')
  })

  for (const [keyType, expected] of [
    ['ec-384', 'secp384r1'],
    ['rsa-2048', 2048],
  ] as const)
    test(`with a key of type ${keyType} where that is asked for`, async () => {
      await using pair = await makePair()
      const status = await settle(pair.room, wishFor([NAME], { keyType }))
      assert.equal(status.state, 'valid', JSON.stringify(status.lastError))
      const details = leafOf(pair.room).publicKey.asymmetricKeyDetails
      assert.equal(details?.namedCurve ?? details?.modulusLength, expected)
    })

  test('nothing where a pair of the operator is valid, until a twentieth of its life is left', async () => {
    await using pair = await makePair()
    const { ca, room } = pair
    await settle(room, wishFor([NAME]))
    room.keeper.origin = 'operator'
    await room.restart()
    room.clock.now += 80 * DAY_MS
    const kept = await settle(room, wishFor([NAME]))
    assert.equal(kept.state, 'provided')
    assert.equal(room.keeper.installs.length, 1)
    room.clock.now += 6 * DAY_MS
    await room.manager.check()
    assert.equal(room.keeper.installs.length, 2)
    assert.equal(ca.callsOf('account').length, 1)
  })

  test('nothing for local names, and says that they are local', async () => {
    await using room = await makeAcmeRoom({ directory: 'https://acme.example.com/directory' })
    const status = await settle(room, wishFor(['nas.local', 'printer']))
    assert.deepEqual([status.state, status.names], ['local', ['nas.local', 'printer']])
  })

  test('nothing for a wildcard without dns-01, and says why', async () => {
    await using pair = await makePair()
    const status = await settle(pair.room, wishFor(['*.example.com']))
    assert.equal(status.state, 'refused')
    assert.match(status.findings[0]?.message ?? '', /wildcard is proved by dns-01 only, which is not set up/)
    assert.match(status.findings[0]?.remedy ?? '', /acme-dns-hook/)
    assert.equal(pair.ca.calls.length, 0)
  })

  test('one certificate for two wishes of the same names', async () => {
    await using pair = await makePair()
    await settle(
      pair.room,
      wishFor(['a.example.com', 'b.example.com']),
      wishFor(['b.example.com', 'a.example.com']),
    )
    assert.equal(pair.room.manager.status().length, 1)
    assert.equal(pair.ca.callsOf('finalize').length, 1)
  })

  test('once while an attempt is under way', async () => {
    await using pair = await makePair()
    const { room, ca } = pair
    await room.manager.setWishes([wishFor([NAME])])
    await Promise.all([room.manager.check(), room.manager.check(), room.manager.setWishes([wishFor([NAME])])])
    await room.manager.check()
    assert.equal(ca.callsOf('finalize').length, 1)
  })

  test('eight certificates, no more than four at once', async () => {
    await using pair = await makePair()
    const { room, ca } = pair
    let open = 0
    let most = 0
    ca.script('order', ({ rest }) => {
      if (rest.length === 0) most = Math.max(most, ++open)
      return undefined
    })
    ca.script('cert', () => {
      open--
      return undefined
    })
    const wishes = Array.from({ length: 8 }, (_, index) => wishFor([`host-${index}.example.com`]))
    await settle(room, ...wishes)
    assert.equal(room.keeper.installs.length, 8)
    assert.ok(most <= 4, `${most} at once`)
  })
})

describe('`CertificateManager` renews', () => {
  test('when a third of the lifetime is left, with a new key', async () => {
    await using pair = await makePair()
    const { room } = pair
    await settle(room, wishFor([NAME]))
    const first = leafOf(room)
    room.clock.now += 59 * DAY_MS
    await room.manager.check()
    assert.equal(room.keeper.installs.length, 1)
    room.clock.now += 2 * DAY_MS
    await room.manager.check()
    assert.equal(room.keeper.installs.length, 2)
    assert.notDeepEqual(
      leafOf(room).publicKey.export({ format: 'jwk' }),
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
    assert.ok(room.log.some(({ msg }) => msg === 'the CA could not be asked when to renew'))
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

  test('at once when told to, and says what there is none to renew of', async () => {
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
    const asked = Promise.withResolvers<void>()
    const never = Promise.withResolvers<void>()
    ca.script(
      'finalize',
      () => {
        asked.resolve()
        return { wait: never.promise }
      },
      1,
    )
    await room.manager.setWishes([wishFor([NAME])])
    await asked.promise
    await room.restart()
    never.resolve()
    const status = await settle(room, wishFor([NAME]))
    assert.equal(status.state, 'valid', JSON.stringify(status.lastError))
    assert.equal(ca.callsOf('order').filter(({ rest }) => rest.length === 0).length, 1)
  })
})

describe('what `CertificateManager` keeps on disk', () => {
  test('is for its owner only', async () => {
    await using pair = await makePair()
    const { room } = pair
    await settle(room, wishFor([NAME]))
    for (const folder of ['', 'accounts', 'certificates'])
      assert.equal((await stat(join(room.folder, folder))).mode & 0o777, 0o700)
    const entries = await readdir(room.folder, { recursive: true, withFileTypes: true })
    const files = entries.filter((entry) => entry.isFile())
    assert.equal(files.length, 2)
    for (const { parentPath, name } of files)
      assert.equal((await stat(join(parentPath, name))).mode & 0o777, 0o600)
  })

  test('holds no key of a certificate once it is installed', async () => {
    await using pair = await makePair()
    const { room } = pair
    await settle(room, wishFor([NAME]))
    const folder = join(room.folder, 'certificates')
    const [file = ''] = await readdir(folder)
    assert.doesNotMatch(await readFile(join(folder, file), 'utf8'), /PRIVATE KEY/)
  })

  test('may be damaged: the certificate is still had, and the log says so', async () => {
    await using pair = await makePair()
    const { room } = pair
    await settle(room, wishFor([NAME]))
    const folder = join(room.folder, 'certificates')
    const [file = ''] = await readdir(folder)
    await writeFile(join(folder, file), '{"names":')
    await room.restart()
    const status = await settle(room, wishFor([NAME]))
    assert.equal(status.state, 'valid')
    assert.ok(room.log.some(({ msg }) => msg === 'what was noted about a renewal cannot be read'))
  })
})
