import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { chmod, readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { createServer as createTlsServer } from 'node:tls'
import { AcmeDirectory } from '../../src/certificates/acme/client/requests/acme-directory.ts'
import { createTransport } from '../../src/certificates/acme/client/requests/acme-transport.ts'
import { parseAccountKey } from '../../src/certificates/acme/client/requests/jws.ts'
import type { AcmeDefaults } from '../../src/certificates/acme/plan/acme-wish.ts'
import { ACME_TLS_PROTOCOL } from '../../src/certificates/x509/write/alpn-certificate.ts'
import { skipReason } from '../parts/find-parts.ts'
import { type PebbleOptions, type StartedPebble, startPebble } from '../parts/start-pebble.ts'
import { type AcmeRoom, makeAcmeRoom, settle, wishFor } from '../support/acme/acme-room.ts'

const NAME = 'app.example.com'
const DAY_MS = 24 * 3600 * 1000

interface Scene extends AsyncDisposable {
  readonly pebble: StartedPebble
  readonly room: AcmeRoom
  /** Server names of the handshakes with `acme-tls/1`, and paths requested by HTTP. */
  readonly handshakes: string[]
  readonly paths: string[]
}

interface SceneOptions extends PebbleOptions {
  readonly defaults?: Partial<AcmeDefaults>
  /** The answer to every challenge. */
  readonly answer?: string
}

/** The CA, a manager, and the two listeners that the CA checks. */
async function makeScene(options: SceneOptions = {}): Promise<Scene> {
  await using resources = new AsyncDisposableStack()
  const pebble = resources.use(await startPebble(options))
  const { directoryUrl: directory, caFile: directoryCaFile, dns, httpPort } = pebble
  const defaults = { directory, directoryCaFile, ...options.defaults }
  const room = resources.use(await makeAcmeRoom(defaults, { dnsServers: [dns], httpPort }))
  const paths: string[] = []
  const plain = createServer((request, response) => {
    const path = request.url ?? ''
    paths.push(path)
    const answer = options.answer ?? room.manager.challenges.httpAnswer(path.split('/').at(-1) ?? '')
    response.writeHead(answer === undefined ? 404 : 200).end(answer)
  })
  const handshakes: string[] = []
  const secure = createTlsServer({
    ALPNProtocols: [ACME_TLS_PROTOCOL],
    SNICallback: (name, done) => {
      handshakes.push(name)
      done(null, room.manager.challenges.alpnContext(name))
    },
  })
  for (const [server, port] of [
    [plain, pebble.httpPort],
    [secure, pebble.tlsPort],
  ] as const) {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    resources.defer(() => {
      server.close()
    })
  }
  const kept = resources.move()
  return { pebble, room, handshakes, paths, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

function readLeaf(room: AcmeRoom, name: string = NAME): X509Certificate {
  return new X509Certificate(room.keeper.pairs.get(name)?.chainPem ?? '')
}

describe('ACME against pebble', {
  skip: skipReason('pebble', 'pebble-challtestsrv', 'openssl', 'curl'),
}, () => {
  test('HTTP-01 gets a certificate with all names, and a renewal with a new key', async () => {
    await using scene = await makeScene({ defaults: { email: 'me@example.com' } })
    const { room, pebble } = scene
    const status = await settle(room, wishFor([NAME, 'www.example.com'], { challenge: 'http-01' }))
    assert.equal(status.state, 'valid', status.lastError?.message ?? '')
    assert.match(readLeaf(room).subjectAltName ?? '', /DNS:app\.example\.com, DNS:www\.example\.com/)
    assert.equal(scene.handshakes.length, 0)
    assert.ok(scene.paths.some((path) => path.startsWith('/.well-known/acme-challenge/')))
    const before = readLeaf(room)
    // ARI for real: the CA now suggests an immediate renewal.
    await room.manager.check()
    assert.ok((room.manager.status()[0]?.window?.start ?? 0) > room.clock.now, 'pebble advises a time')
    const window = { start: new Date(Date.now() - DAY_MS), end: new Date(Date.now() - 1000) }
    const ARIResponse = JSON.stringify({
      suggestedWindow: window,
      explanationURL: 'https://ca.example.com/why',
    })
    await pebble.manage('/set-renewal-info/', { Certificate: before.toString(), ARIResponse })
    room.clock.now += DAY_MS
    await room.manager.check()
    assert.notEqual(readLeaf(room).serialNumber, before.serialNumber)
    assert.notEqual(
      readLeaf(room).publicKey.export({ format: 'jwk' }).x,
      before.publicKey.export({ format: 'jwk' }).x,
    )
    assert.equal(room.manager.status()[0]?.lastError, undefined)
    assert.match(await pebble.readLog(), /renewalInfo/)
  })

  test('TLS-ALPN-01 gets a certificate', async () => {
    await using scene = await makeScene()
    const status = await settle(scene.room, wishFor([NAME], { challenge: 'tls-alpn-01' }))
    assert.equal(status.state, 'valid', status.lastError?.message ?? '')
    assert.ok(scene.handshakes.includes(NAME))
    assert.equal(scene.room.manager.challenges.alpnContext(NAME), undefined, 'forgotten after use')
  })

  for (const challenge of ['http-01', 'tls-alpn-01'] as const)
    test(`an address is proved by ${challenge}`, async () => {
      await using scene = await makeScene()
      const status = await settle(scene.room, wishFor(['127.0.0.1'], { challenge }))
      assert.equal(status.state, 'valid', status.lastError?.message ?? '')
      assert.equal(readLeaf(scene.room, '127.0.0.1').checkIP('127.0.0.1'), '127.0.0.1')
    })

  test('DNS-01 by a hook gets a wildcard and its base', async () => {
    await using scene = await makeScene()
    const { room, pebble } = scene
    const hook = join(dirname(dirname(room.folder)), 'hook.sh')
    const log = `${hook}.log`
    const script = `#!/bin/sh
set -eu
[ "$1 $2 $3" = "$BERTH_ACME_ACTION $BERTH_ACME_RECORD $BERTH_ACME_VALUE" ]
echo "$1 $2 $BERTH_ACME_NAME" >> '${log}'
case $1 in
  add) curl -sf -d "{\\"host\\":\\"$2.\\",\\"value\\":\\"$3\\"}" '${pebble.dnsManagementUrl}/set-txt' ;;
  remove) curl -sf -d "{\\"host\\":\\"$2.\\"}" '${pebble.dnsManagementUrl}/clear-txt' ;;
esac
`
    await writeFile(hook, script)
    await chmod(hook, 0o755)
    await room.restart({ dnsHook: hook })
    const status = await settle(room, wishFor(['*.example.com'], { challenge: 'dns-01' }))
    assert.equal(status.state, 'valid', status.lastError?.message ?? '')
    assert.match(readLeaf(room, 'example.com').subjectAltName ?? '', /DNS:\*\.example\.com/)
    const record = '_acme-challenge.example.com example.com'
    assert.equal(await readFile(log, 'utf8'), `add ${record}\nremove ${record}\n`)
    // Without a setting, too: only dns-01 can prove a wildcard.
    const mixed = await settle(room, wishFor(['*.b.example.com', 'a.example.com']))
    assert.equal(mixed.state, 'valid', mixed.lastError?.message ?? '')
  })

  test('external account binding: refused without, taken with the right key, refused with a wrong one', async () => {
    const hmacKey = 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W'
    const settings = { externalAccountBindingRequired: true, externalAccountMACKeys: { 'kid-1': hmacKey } }
    await using scene = await makeScene({ settings })
    const { room } = scene
    const without = await settle(room, wishFor([NAME]))
    assert.match(without.lastError?.message ?? '', /external account binding/)
    assert.match(without.lastError?.remedy ?? '', /acme-eab-key-id and acme-eab-hmac-key/)
    const wrong = await settle(room, wishFor(['b.example.com'], { eab: { keyId: 'kid-1', hmacKey: 'AAAA' } }))
    assert.equal(wrong.lastError?.code, 'ACME_REFUSED', JSON.stringify(wrong))
    assert.ok(!JSON.stringify(room.log).includes('AAAA'), 'no key in the log')
    const right = await settle(room, wishFor(['c.example.com'], { eab: { keyId: 'kid-1', hmacKey } }))
    assert.equal(right.state, 'valid', right.lastError?.message ?? '')
  })

  test('profiles: a short one is had by name, another is refused with what there is', async () => {
    const profiles = {
      default: { description: 'usual', validityPeriod: 90 * 86_400 },
      shortlived: { description: 'six days', validityPeriod: 6 * 86_400 },
    }
    await using scene = await makeScene({ settings: { profiles } })
    const { room } = scene
    const status = await settle(room, wishFor([NAME], { profile: 'shortlived' }))
    assert.equal(status.state, 'valid', status.lastError?.message ?? '')
    const { validFromDate, validToDate } = readLeaf(room)
    assert.equal(Math.round((validToDate.getTime() - validFromDate.getTime()) / DAY_MS), 6)
    const other = await settle(room, wishFor(['b.example.com'], { profile: 'eternal' }))
    assert.match(other.lastError?.message ?? '', /no profile eternal; it offers default, shortlived/)
  })

  test('a CA that turns down every third nonce still gives a certificate', async () => {
    await using scene = await makeScene({ env: { PEBBLE_WFE_NONCEREJECT: '30' } })
    const status = await settle(scene.room, wishFor([NAME]))
    assert.equal(status.state, 'valid', status.lastError?.message ?? '')
    assert.match(await scene.pebble.readLog(), /Configured to reject 30% of good nonces/)
  })

  test('a wrong answer is reported with what the CA saw', async () => {
    await using scene = await makeScene({ answer: 'not what was asked for' })
    const { room } = scene
    const status = await settle(room, wishFor([NAME], { challenge: 'http-01' }))
    assert.equal(status.state, 'failing')
    assert.equal(status.lastError?.code, 'ACME_CHALLENGE_FAILED')
    assert.match(
      status.lastError?.message ?? '',
      /could not check app\.example\.com by http-01: unauthorized: .*not what was asked/,
    )
    assert.equal(status.lastError?.problem?.type, 'unauthorized')
    assert.match(status.findings[0]?.message ?? '', /answered by something else on port 80/)
    assert.equal(status.nextAttemptAt, room.clock.now + 60_000)
  })

  test('what a CAA record forbids is not ordered, and a name that leads nowhere is seen beforehand', async () => {
    await using scene = await makeScene({ settings: { caaIdentities: ['pebble.example'] } })
    const { room, pebble } = scene
    await pebble.setDns('/add-caa', {
      host: 'example.com.',
      policies: [{ tag: 'issue', value: 'other.example' }],
    })
    const forbidden = await settle(room, wishFor([NAME]))
    assert.match(
      forbidden.lastError?.message ?? '',
      /CAA record of example\.com allows other\.example, not this one/,
    )
    assert.match(forbidden.lastError?.remedy ?? '', /0 issue "pebble\.example"/)
    assert.doesNotMatch(await pebble.readLog(), /order-plz/)
    await pebble.setDns('/set-default-ipv4', { ip: '' })
    const nowhere = await settle(room, wishFor(['nowhere.example.net']))
    // A private CA may know names that the DNS does not: the order is made, with a warning.
    assert.equal(nowhere.findings[0]?.message, 'has no address in the DNS')
    assert.match(
      nowhere.lastError?.message ?? '',
      /could not check nowhere\.example\.net by http-01: connection/,
    )
  })

  test('an account that was deactivated is named, with the way out', async () => {
    await using scene = await makeScene()
    const { room, pebble } = scene
    await settle(room, wishFor([NAME]))
    const folder = join(room.folder, 'accounts')
    const [file = ''] = await readdir(folder)
    const account: { key: string; url: string } = JSON.parse(await readFile(join(folder, file), 'utf8'))
    using transport = createTransport({ caFile: pebble.caFile, userAgent: 'test' })
    const directory = await AcmeDirectory.open(pebble.directoryUrl, { transport, clock: Date.now })
    const payload = { status: 'deactivated' }
    await directory.post(account.url, parseAccountKey(account.key), { accountUrl: account.url, payload })
    const [status] = await room.manager.renewNow([NAME])
    assert.match(status?.lastError?.message ?? '', /has closed the account/)
    assert.match(status?.lastError?.remedy ?? '', new RegExp(`remove accounts/${file}`))
    assert.equal(status?.state, 'valid', 'the certificate in use stays')
  })

  test('another chain is had by the name of its root', async () => {
    await using scene = await makeScene({ env: { PEBBLE_ALTERNATE_ROOTS: '2', PEBBLE_CHAIN_LENGTH: '2' } })
    const { room, pebble } = scene
    const roots = await Promise.all(
      [0, 1, 2].map(async (index) =>
        new X509Certificate(await pebble.manage(`/roots/${index}`)).subject.replace(/^CN=/, ''),
      ),
    )
    assert.equal(new Set(roots).size, 3)
    for (const [index, preferredChain] of roots.entries()) {
      const name = `${index}.example.com`
      const status = await settle(room, wishFor([name], { preferredChain }))
      assert.equal(status.state, 'valid', status.lastError?.message ?? '')
      const last =
        room.keeper.pairs
          .get(name)
          ?.chainPem.trim()
          .split(/(?=-----BEGIN)/)
          .at(-1) ?? ''
      assert.equal(new X509Certificate(last).issuer, `CN=${preferredChain}`)
    }
  })
})
