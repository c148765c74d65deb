import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openFolderCertificates } from '../../test/support/certificates/folder-certificates.ts'
import { requestDoor, statusOf } from '../../test/support/door/request-door.ts'
import { makeTable, openTestDoor } from '../../test/support/door/test-door.ts'
import { type ContainerDefaults, declareContainers } from './docker/declare/container-sites.ts'
import type { ContainerFacts } from './docker/facts/container-facts.ts'
import { ON_HOST } from './docker/facts/own-networks.ts'
import type { HttpsMethod } from './sites/site-declaration.ts'

/** Answers of hosts with and without a certificate of their own; `alert`: the handshake is refused. */
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
  ['noPlain', 'http://missing-cert.test', 301],
  ['noPlain', 'https://missing-cert.test', 'alert'],
  ['noPlain', 'http://plain.missing-cert.test', 200],
  ['noPlain', 'http://http-only.test', 200],
  ['noPlainNoHttp', 'http://missing-cert.test', 503],
  ['noDefault', 'http://strict.missing-cert.test', 301],
]

const DISTRUST = { 'com.github.nginx-proxy.nginx-proxy.trust-default-cert': 'false' }

interface Said {
  readonly method?: HttpsMethod
  readonly labels?: Readonly<Record<string, string>>
  readonly more?: Readonly<Record<string, string>>
}

/** Hosts with the settings of their containers. */
const HOSTS: Readonly<Record<string, Said>> = {
  'https-and-http.test': {},
  'https-only.test': { method: 'nohttp' },
  'http-only.test': { method: 'nohttps' },
  'missing-cert.test': {},
  'plain.missing-cert.test': { more: { ENABLE_HTTP_ON_MISSING_CERT: 'true' } },
  'strict.missing-cert.test': { more: { ENABLE_HTTP_ON_MISSING_CERT: 'false' } },
  'missing-cert.default-untrusted.test': { labels: DISTRUST },
}

/** Files of the certificate folder; an untrusted default one is not served for names it covers, either. */
const OWN = {
  'https-and-http.test': ['https-and-http.test'],
  'https-only.test': ['https-only.test'],
  'http-only.test': ['http-only.test'],
}
const WITH_DEFAULT = { ...OWN, default: ['default.test', '*.default-untrusted.test'] }

/** `method`, `isDefaultTrusted` and `httpWithoutCert` are the proxy's own settings. */
const SETS = {
  withDefault: { files: WITH_DEFAULT },
  untrustedDefault: { files: WITH_DEFAULT, isDefaultTrusted: false },
  noDefault: { files: OWN },
  noHttp: { files: WITH_DEFAULT, method: 'nohttp' },
  noHttps: { files: OWN, method: 'nohttps' },
  noPlain: { files: OWN, httpWithoutCert: false },
  noPlainNoHttp: { files: OWN, httpWithoutCert: false, method: 'nohttp' },
} satisfies Record<string, ProxySet>

interface ProxySet {
  readonly files: Readonly<Record<string, readonly string[]>>
  readonly isDefaultTrusted?: boolean
  readonly httpWithoutCert?: boolean
  readonly method?: HttpsMethod
}

function toContainers(method: HttpsMethod | undefined): ContainerFacts[] {
  return Object.entries(HOSTS).map(([host, settings], at) => ({
    id: String(at).padStart(64, '0'),
    name: host,
    createdAt: at,
    state: 'running',
    exitCode: undefined,
    isOutOfMemory: false,
    health: 'unknown',
    environment: { VIRTUAL_HOST: host, HTTPS_METHOD: method ?? settings.method ?? '', ...settings.more },
    labels: settings.labels ?? {},
    networks: [{ name: 'web', id: 'web', ipv4: '172.20.0.5', ipv6: undefined, gateway: undefined }],
    networkMode: 'own',
    ports: [8080],
  }))
}

for (const [set, url, expected] of FALLBACK) {
  test(`the front door answers ${url} with ${expected}, set up as ${set}`, async () => {
    const { files, isDefaultTrusted = true, httpWithoutCert = true, method }: ProxySet = SETS[set]
    const defaults: ContainerDefaults = {
      httpsMethod: 'redirect',
      nonGetRedirect: 308,
      httpWithoutCert,
      hsts: undefined,
      isDefaultTrusted,
      defaultHost: undefined,
      preferIpv6: false,
    }
    await using certificates = await openFolderCertificates(files)
    const table = makeTable(...declareContainers(toContainers(method), ON_HOST, defaults))
    await using door = await openTestDoor(table, { certificates })
    const reply = await requestDoor(door, url)
    assert.equal(statusOf(reply), expected === 'alert' ? 'alert 112' : expected)
    assert.deepEqual(door.failures, [])
  })
}
