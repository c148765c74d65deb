import assert from 'node:assert/strict'
import { test } from 'node:test'
import { askDoor, statusOf } from '../../test/support/ask-door.ts'
import { certificatesOf, makeTable, openTestDoor, type SiteWish } from '../../test/support/test-door.ts'
import type { CertificateSource } from './ports.ts'

/** The cases of nginx-proxy's own test of its fallback server; `alert`: the handshake is refused. */
const FALLBACK: readonly (readonly [set: keyof typeof SETS, url: string, status: number | 'alert'])[] = [
  ['withDefault', 'http://https-and-http.test', 301],
  ['withDefault', 'https://https-and-http.test', 200],
  ['withDefault', 'http://https-only.test', 503],
  ['withDefault', 'https://https-only.test', 200],
  ['withDefault', 'http://http-only.test', 200],
  ['withDefault', 'https://http-only.test', 503],
  ['withDefault', 'http://missing-cert.test', 301],
  ['withDefault', 'https://missing-cert.test', 200],
  ['withDefault', 'http://missing-cert.default-untrusted.test', 200],
  ['withDefault', 'https://missing-cert.default-untrusted.test', 'alert'],
  ['withDefault', 'http://unknown.test', 503],
  ['withDefault', 'https://unknown.test', 503],
  ['untrustedDefault', 'http://https-and-http.test', 301],
  ['untrustedDefault', 'https://https-and-http.test', 200],
  ['untrustedDefault', 'http://https-only.test', 503],
  ['untrustedDefault', 'https://https-only.test', 200],
  ['untrustedDefault', 'http://http-only.test', 200],
  ['untrustedDefault', 'https://http-only.test', 503],
  ['untrustedDefault', 'http://missing-cert.test', 200],
  ['untrustedDefault', 'https://missing-cert.test', 'alert'],
  ['untrustedDefault', 'http://unknown.test', 503],
  ['untrustedDefault', 'https://unknown.test', 503],
  ['noDefault', 'http://https-and-http.test', 301],
  ['noDefault', 'https://https-and-http.test', 200],
  ['noDefault', 'http://https-only.test', 503],
  ['noDefault', 'https://https-only.test', 200],
  ['noDefault', 'http://http-only.test', 200],
  ['noDefault', 'https://http-only.test', 'alert'],
  ['noDefault', 'http://missing-cert.test', 200],
  ['noDefault', 'https://missing-cert.test', 'alert'],
  ['noDefault', 'http://unknown.test', 503],
  ['noDefault', 'https://unknown.test', 'alert'],
  ['noHttp', 'http://https-only.test', 503],
  ['noHttp', 'https://https-only.test', 200],
  ['noHttp', 'http://missing-cert.test', 503],
  ['noHttp', 'https://missing-cert.test', 200],
  ['noHttp', 'http://missing-cert.default-untrusted.test', 200],
  ['noHttp', 'https://missing-cert.default-untrusted.test', 'alert'],
  ['noHttp', 'http://unknown.test', 503],
  ['noHttp', 'https://unknown.test', 503],
  ['noHttps', 'http://http-only.test', 200],
  ['noHttps', 'https://http-only.test', 'alert'],
  ['noHttps', 'http://unknown.test', 503],
  ['noHttps', 'https://unknown.test', 'alert'],
]

const OWN = { 'https-and-http.test': 'x.test', 'https-only.test': 'x.test', 'http-only.test': 'x.test' }
const HOSTS: readonly SiteWish[] = [
  { host: 'https-and-http.test' },
  { host: 'https-only.test', httpsMethod: 'nohttp' },
  { host: 'http-only.test', httpsMethod: 'nohttps' },
  { host: 'missing-cert.test' },
  { host: 'missing-cert.default-untrusted.test' },
]

/** One host may be told not to trust the default certificate. */
function exceptUntrusted(source: CertificateSource): CertificateSource {
  return {
    find: (name, options) =>
      options.isSite && name?.includes('default-untrusted') ? undefined : source.find(name, options),
  }
}

const SETS = {
  withDefault: [HOSTS, exceptUntrusted(certificatesOf(OWN, { isTrusted: true }))],
  untrustedDefault: [HOSTS, certificatesOf(OWN, { isTrusted: false })],
  noDefault: [HOSTS, certificatesOf(OWN)],
  noHttp: [
    HOSTS.map((wish) => ({ ...wish, httpsMethod: 'nohttp' as const })),
    exceptUntrusted(certificatesOf(OWN, { isTrusted: true })),
  ],
  noHttps: [HOSTS.map((wish) => ({ ...wish, httpsMethod: 'nohttps' as const })), certificatesOf(OWN)],
} satisfies Record<string, readonly [readonly SiteWish[], CertificateSource]>

for (const [set, url, expected] of FALLBACK) {
  test(`the front door answers ${url} with ${expected}, set up as ${set}`, async () => {
    const [sites, certificates] = SETS[set]
    await using door = await openTestDoor(makeTable(...sites), { certificates })
    const reply = await askDoor(door, url)
    assert.equal(statusOf(reply), expected === 'alert' ? 'alert 112' : expected)
    assert.deepEqual(door.failures, [])
  })
}
