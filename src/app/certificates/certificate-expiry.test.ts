import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { openFolderCertificates } from '../../../test/support/certificates/folder-certificates.ts'
import { makePaper } from '../../../test/support/certificates/paper-ca.ts'
import { makeSite } from '../../../test/support/door/test-door.ts'
import { CertificateExpiry, type ServedCertificate, servedBySites } from './certificate-expiry.ts'

const HOUR_MS = 3_600_000

interface Line {
  readonly facts: { readonly file: string; readonly hosts: readonly string[] }
  readonly text: string
}

/** Checks once an hour. @returns the number of hours and the line of each log entry. */
function collectLines(
  served: (hour: number) => readonly ServedCertificate[],
  hours: number,
): [number, Line][] {
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
  const lines = collectLines(() => ['a.example', 'b.example'].map(certificate), 52)
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
    collectLines(served, 9).map(([hour]) => hour),
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
