import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type ContainerDefaults, declareContainers } from '../docker/declare/container-sites.ts'
import { type ContainerFacts, readContainer } from '../docker/facts/container-facts.ts'
import { ON_HOST } from '../docker/facts/own-networks.ts'
import { readHttpLevel } from '../vhost/compile/read-http-level.ts'
import { SiteAssembler } from './assemble-sites.ts'
import type { SiteDeclaration } from './site-declaration.ts'

const DEFAULTS: ContainerDefaults = {
  httpsMethod: 'redirect',
  nonGetRedirect: 308,
  httpWithoutCert: true,
  hsts: undefined,
  isDefaultTrusted: true,
  defaultHost: undefined,
  preferIpv6: false,
}

/** Containers by their names, the oldest first. */
function toContainers(all: Readonly<Record<string, Record<string, string>>>): ContainerFacts[] {
  return Object.entries(all).map(([name, environment], index) => {
    const facts = readContainer({
      Id: String(index).padStart(64, '0'),
      Name: `/${name}`,
      Created: new Date(index * 1_000).toISOString(),
      State: { Running: true },
      Config: {
        Env: Object.entries(environment).map((pair) => pair.join('=')),
        ExposedPorts: { '80/tcp': {} },
      },
      NetworkSettings: { Networks: { web: { IPAddress: `172.20.0.${index + 2}` } } },
    })
    assert.ok(facts)
    return facts
  })
}

function declare(
  all: Readonly<Record<string, Record<string, string>>>,
  before: readonly SiteDeclaration[] = [],
  assembler: SiteAssembler = new SiteAssembler(),
): SiteDeclaration[] {
  const declarations = [...before, ...declareContainers(toContainers(all), ON_HOST, DEFAULTS)]
  const sites = assembler.assemble({
    declarations,
    vhostFiles: new Map(),
    passwordFiles: new Map(),
    httpLevel: readHttpLevel([]),
    resolvePath: () => undefined,
    hasLogFiles: false,
  })
  return sites.map(({ declaration }) => declaration)
}

/** By host, the names of the certificate that its containers declare. */
function wishesOf(sites: readonly SiteDeclaration[]): Record<string, string> {
  return Object.fromEntries(sites.map(({ host, acme }) => [host, acme?.hosts.join() ?? '']))
}

function warningsOf(sites: readonly SiteDeclaration[], host: string): string {
  return sites.find((site) => site.host === host)?.warnings.join('\n') ?? ''
}

describe('a certificate that a container asks for', () => {
  test('leaves out the name of another host, also where the container is older', () => {
    const sites = declare({
      evil: { VIRTUAL_HOST: 'evil.example.com', LETSENCRYPT_HOST: 'app.example.com,evil.example.com' },
      app: { VIRTUAL_HOST: 'app.example.com', LETSENCRYPT_HOST: 'app.example.com' },
    })
    assert.deepEqual(wishesOf(sites), {
      'evil.example.com': 'evil.example.com',
      'app.example.com': 'app.example.com',
    })
    assert.match(
      warningsOf(sites, 'evil.example.com'),
      /"app\.example\.com", a name of app\.example\.com of app/,
    )
    assert.equal(warningsOf(sites, 'app.example.com'), '')
  })

  const rows: readonly (readonly [
    what: string,
    wished: string,
    left: string,
    others: Record<string, string>,
  ])[] = [
    ['all its names are of others', 'app.example.com', '', { VIRTUAL_HOST: 'app.example.com' }],
    ['a wildcard answers to the name', 'mail.example.com', '', { VIRTUAL_HOST: '*.example.com' }],
    ['the wildcard is a host of its own', '*.example.com', '', { VIRTUAL_HOST: '*.example.com' }],
    ['an expression answers to the name', 'x1.example.com', '', { VIRTUAL_HOST: '~^x\\d\\.example\\.com$' }],
    [
      'the other one asks for nothing',
      'me.example.com,app.example.com',
      'me.example.com',
      { VIRTUAL_HOST: 'app.example.com' },
    ],
    ['the name is of no host', 'mail.example.com', 'mail.example.com', { VIRTUAL_HOST: 'app.example.com' }],
    [
      'a wildcard covers others and is of the usual CA',
      '*.example.com',
      '*.example.com',
      { VIRTUAL_HOST: 'app.example.com' },
    ],
  ]
  for (const [what, wished, left, others] of rows) {
    test(`where ${what}: ${wished} becomes ${left || 'none'}`, () => {
      const sites = declare({ me: { VIRTUAL_HOST: 'me.example.org', ACME_HOST: wished }, other: others })
      assert.equal(wishesOf(sites)['me.example.org'], left)
      assert.equal(warningsOf(sites, 'me.example.org') !== '', left !== wished)
    })
  }

  for (const environment of [{ ACME_CA_URI: 'https://ca.example.net/dir' }, { LETSENCRYPT_TEST: 'true' }]) {
    test(`has names of its own hosts only where another CA is requested by ${Object.keys(environment)}`, () => {
      const own = { VIRTUAL_HOST: 'me.example.com,*.me.example.com', ...environment }
      for (const [wished, left, why] of [
        ['me.example.com', 'me.example.com', undefined],
        ['me.example.com,*.me.example.com', 'me.example.com,*.me.example.com', undefined],
        [
          'me.example.com,mail.example.com',
          'me.example.com',
          /"mail\.example\.com", which is no host of its own/,
        ],
        ['*.example.com', '', /no host of its own/],
      ] as const) {
        const sites = declare({ me: { ...own, ACME_HOST: wished } })
        assert.equal(wishesOf(sites)['me.example.com'], left)
        assert.match(warningsOf(sites, 'me.example.com'), why ?? /^$/)
      }
      const me = { ...own, ACME_HOST: '*.me.example.com' }
      const sites = declare({ me, app: { VIRTUAL_HOST: 'app.me.example.com' } })
      assert.equal(wishesOf(sites)['*.me.example.com'], '')
      assert.match(warningsOf(sites, '*.me.example.com'), /would cover hosts of others/)
    })
  }

  test('may have the names of all hosts of its own container, and of those it shares', () => {
    const sites = declare({
      one: { VIRTUAL_HOST: 'a.example.com,b.example.com', ACME_HOST: 'a.example.com,b.example.com' },
      two: { VIRTUAL_HOST: 'b.example.com' },
    })
    assert.equal(wishesOf(sites)['a.example.com'], 'a.example.com,b.example.com')
  })

  test('follows the hosts as they come and go', () => {
    const assembler = new SiteAssembler()
    const me = { VIRTUAL_HOST: 'me.example.org', ACME_HOST: 'mail.example.com' }
    for (const [others, left] of [
      [{}, 'mail.example.com'],
      [{ other: { VIRTUAL_HOST: '~^mail\\.' } }, ''],
      [{ other: { VIRTUAL_HOST: 'mail.example.com' } }, ''],
      [{ other: { VIRTUAL_HOST: 'app.example.com' } }, 'mail.example.com'],
      [{ other: { VIRTUAL_HOST: '*.example.com' } }, ''],
      [{}, 'mail.example.com'],
    ] as const) {
      assert.equal(wishesOf(declare({ me, ...others }, [], assembler))['me.example.org'], left)
    }
  })

  test('never has a name of the registry or of berth.yaml', () => {
    const [sample] = declare({ x: { VIRTUAL_HOST: 'x.example.com' } })
    assert.ok(sample)
    const before: SiteDeclaration[] = [
      { ...sample, host: 'registry.example.com', source: { kind: 'registry' } },
      { ...sample, host: '*.wiki.example.com', source: { kind: 'config', file: 'berth.yaml' } },
    ]
    const names = 'me.example.com,registry.example.com,a.wiki.example.com'
    const sites = declare({ me: { VIRTUAL_HOST: 'me.example.com', ACME_HOST: names } }, before)
    assert.equal(wishesOf(sites)['me.example.com'], 'me.example.com')
    assert.match(warningsOf(sites, 'me.example.com'), /which Berth itself answers.*of berth\.yaml/s)
  })
})
