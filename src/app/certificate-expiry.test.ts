import assert from 'node:assert/strict'
import { rename, writeFile } from 'node:fs/promises'
import { get } from 'node:https'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { BerthProcess } from '../../test/support/berth-process.ts'
import { openFolderCertificates } from '../../test/support/folder-certificates.ts'
import { findFreePort } from '../../test/support/free-port.ts'
import { makePaper } from '../../test/support/paper-ca.ts'
import { makeTempFolder } from '../../test/support/temp-folder.ts'
import { makeSite } from '../../test/support/test-door.ts'
import { CertificateExpiry, type ServedCertificate, servedBySites } from './certificate-expiry.ts'

const HOUR_MS = 3_600_000
/** Longest wait for a line of the log, in ms. */
const LOG_MS = 45_000

interface Line {
  readonly facts: { readonly file: string; readonly hosts: readonly string[] }
  readonly text: string
}

/** Checks once an hour. @returns the number of hours and the line of each log entry. */
function linesOf(served: (hour: number) => readonly ServedCertificate[], hours: number): [number, Line][] {
  const expiry = new CertificateExpiry()
  const lines: [number, Line][] = []
  for (let hour = 0; hour < hours; hour++) {
    expiry.served = () => served(hour)
    const error = (facts: Line['facts'], text: string): void => void lines.push([hour, { facts, text }])
    expiry.log({ error } as Parameters<CertificateExpiry['log']>[0], hour * HOUR_MS)
  }
  return lines
}

test('an expired certificate is logged once a day, with all its hosts', () => {
  const certificate = (host: string): ServedCertificate => ({
    host,
    file: '/certs/a.crt',
    notAfter: 2.5 * HOUR_MS,
  })
  const lines = linesOf(() => ['a.example', 'b.example'].map(certificate), 52)
  assert.deepEqual(
    lines.map(([hour]) => hour),
    [3, 27, 51],
  )
  assert.deepEqual(lines[0]?.[1].facts, { file: '/certs/a.crt', hosts: ['a.example', 'b.example'] })
  assert.match(lines[0]?.[1].text ?? '', /\/certs\/a\.crt has expired on 1970-01-01: put a new one/)
})

test('hosts are not gone through for each question, and are after a few seconds or a change of them', () => {
  const expiry = new CertificateExpiry()
  let looks = 0
  const serve = (): readonly ServedCertificate[] => {
    looks++
    return [{ host: 'a.example', file: 'a.crt', notAfter: 0 }]
  }
  expiry.served = () => serve()
  for (let ms = 0; ms < 5_000; ms++) assert.equal(expiry.expired(ms).length, 1)
  assert.equal(looks, 1)
  expiry.expired(5_000)
  assert.equal(looks, 2)
  expiry.served = () => serve()
  expiry.expired(5_001)
  assert.equal(looks, 3)
})

test('one that was replaced and expires again is logged at once', () => {
  const served = (hour: number): ServedCertificate[] => [
    { host: 'a.example', file: 'a.crt', notAfter: (hour < 5 ? 1 : 7) * HOUR_MS },
  ]
  assert.deepEqual(
    linesOf(served, 9).map(([hour]) => hour),
    [1, 7],
  )
})

test('what a site is served with is known by its file; what it is not served with does not count', async () => {
  const old = makePaper('old', { names: ['old.test'], days: [-20, -2] })
  const unused = makePaper('unused', { names: ['unused.test'], days: [-20, -2] })
  await using certificates = await openFolderCertificates(
    { good: ['good.test'] },
    {
      texts: {
        'old.crt': old.pem,
        'old.key': old.keyPem,
        'unused.crt': unused.pem,
        'unused.key': unused.keyPem,
      },
    },
  )
  const sites = [
    makeSite({ host: 'old.test' }),
    makeSite({ host: 'good.test' }),
    makeSite({ host: 'none.test' }),
    makeSite({ host: 'plain.old.test', certificateName: 'old', httpsMethod: 'nohttps' }),
  ]
  const expiry = new CertificateExpiry()
  expiry.served = () => servedBySites(sites, certificates)
  assert.deepEqual(
    expiry.expired(Date.now()).map(({ file, hosts }) => ({ file, hosts })),
    [{ file: join(certificates.folder, 'old.crt'), hosts: ['old.test'] }],
  )
})

for (const flags of [
  [],
  ['--workers', '2'],
  ['--domain', 'registry.test', '--acme', 'off', '--docker-host', 'off'],
]) {
  test(`an expired pair of --tls-cert is logged and in /readyz, with ${flags.join(' ') || 'no more flags'}`, async () => {
    await using folder = await makeTempFolder('expiry')
    const files = ['a.crt', 'a.key'].map((name) => join(folder.path, name))
    const [certFile = '', keyFile = ''] = files
    const write = async (days: readonly [number, number]): Promise<void> => {
      const { pem, keyPem } = makePaper('registry.test', { names: ['registry.test'], days })
      for (const [file, text] of [
        [certFile, pem],
        [keyFile, keyPem],
      ] as const) {
        await writeFile(`${file}.new`, text)
        await rename(`${file}.new`, file)
      }
    }
    await write([-20, -2])
    const [port, tlsPort] = [await findFreePort(), await findFreePort()]
    const logFile = join(folder.path, 'berth.log')
    const tls = ['--listen-https', `127.0.0.1:${tlsPort}`, '--tls-cert', certFile, '--tls-key', keyFile]
    await using server = await BerthProcess.start({
      dataDir: join(folder.path, 'data'),
      port,
      logFile,
      flags: [...tls, ...flags],
    })
    const deadline = Date.now() + LOG_MS
    const until = async (isSo: () => Promise<boolean>, what: string): Promise<void> => {
      while (!(await isSo().catch(() => false))) {
        assert.ok(Date.now() < deadline && !server.hasEnded, what)
        await sleep(100)
      }
    }
    await until(async () => /a\.crt has expired on/.test(await server.readLog()), 'nothing in the log')
    // Workers begin to listen after the primary has checked the certificate.
    await until(async () => (await askReadiness(tlsPort)).status !== '', 'TLS is not served')
    const [warning] = (await askReadiness(tlsPort)).warnings ?? []
    assert.deepEqual([warning?.code, warning?.count], ['CERTIFICATE_EXPIRED', 1])
    assert.ok(Date.parse(String(warning?.since)) < Date.now())
    await write([-1, 5])
    await until(async () => (await askReadiness(tlsPort)).warnings === undefined, 'the warning stays')
    assert.equal((await server.readLog()).match(/has expired on/g)?.length, 1)
  })
}

interface Readiness {
  readonly status: string
  readonly warnings?: readonly { readonly code: string; readonly count: number; readonly since: string }[]
}

function askReadiness(port: number): Promise<Readiness> {
  const { promise, resolve, reject } = Promise.withResolvers<Readiness>()
  const options = {
    host: '127.0.0.1',
    port,
    path: '/readyz',
    rejectUnauthorized: false,
    agent: false,
  } as const
  get({ ...options, headers: { host: 'registry.test' }, servername: 'registry.test' }, async (answer) => {
    assert.equal(answer.statusCode, 200)
    resolve(JSON.parse(Buffer.concat(await answer.toArray()).toString()))
  }).on('error', reject)
  return promise
}
