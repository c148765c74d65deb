import assert from 'node:assert/strict'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { makePair, readLeaf } from '../../../test/support/acme/acme-pair.ts'
import { makeAcmeRoom, settle, wishFor } from '../../../test/support/acme/acme-room.ts'
import { ScriptedAcmeServer } from '../../../test/support/acme/scripted-acme-server.ts'

const DAY_MS = 24 * 3600 * 1000
const NAME = 'app.example.com'

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
    assert.equal(readLeaf(room, NAME).publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1')
  })

  for (const [keyType, expected] of [
    ['ec-384', 'secp384r1'],
    ['rsa-2048', 2048],
  ] as const)
    test(`with a key of type ${keyType} where that is requested`, async () => {
      await using pair = await makePair()
      const status = await settle(pair.room, wishFor([NAME], { keyType }))
      assert.equal(status.state, 'valid', JSON.stringify(status.lastError))
      const details = readLeaf(pair.room, NAME).publicKey.asymmetricKeyDetails
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

  test('a pair of its own for each set of names, though they begin with the same host', async () => {
    await using pair = await makePair()
    const { room } = pair
    const wishes = [wishFor([NAME]), wishFor([NAME, 'www.example.com']), wishFor(['*.example.com', NAME])]
    await room.restart({ dnsHook: '/bin/true' })
    await settle(room, ...wishes)
    const [first, second, ...others] = room.keeper.installs.toSorted()
    assert.equal(first, NAME)
    assert.match(second ?? '', /^app\.example\.com-[0-9a-f]{12}$/)
    assert.equal(others.length, 1)
    room.clock.now += 2 * 3600 * 1000
    await room.manager.check()
    assert.equal(room.keeper.installs.length, 3, 'none has replaced another')
  })

  test('named after the host before a wildcard, whichever is requested first', async () => {
    await using pair = await makePair()
    const { room } = pair
    await room.restart({ dnsHook: '/bin/true' })
    await settle(room, wishFor(['*.example.com']), wishFor(['example.com']))
    const names = room.manager.status().map(({ names, certificate }) => [names[0], certificate?.name])
    assert.equal(new Map(names as [string, string][]).get('example.com'), 'example.com')
  })

  test('anew from the usual CA what a container had from one of its own, and nothing else', async () => {
    await using pair = await makePair()
    await using other = await ScriptedAcmeServer.start()
    const { room, ca } = pair
    other.clock = () => room.clock.now
    await settle(room, wishFor([NAME], { directory: other.directoryUrl }))
    assert.equal(other.callsOf('finalize').length, 1)
    room.clock.now += 2 * 3600 * 1000
    await settle(room, wishFor([NAME]))
    assert.equal(ca.callsOf('finalize').length, 1)
    room.clock.now += 2 * 3600 * 1000
    await settle(room, wishFor([NAME]))
    assert.equal(ca.callsOf('finalize').length, 1)
    // Another CA in the settings does not lead to new orders for valid certificates.
    await room.restart({ directory: other.directoryUrl })
    await settle(room, wishFor([NAME]))
    assert.equal(other.callsOf('finalize').length, 1)
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
    assert.ok(room.log.some(({ msg }) => msg === 'the record of a renewal cannot be read'))
  })
})
