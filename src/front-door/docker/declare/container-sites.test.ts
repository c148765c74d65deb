// long: one table of containers' declarations and their results; cut in two it would be harder to see gaps
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { assertGrowsLinearly } from '../../../../test/support/machine/cpu-time.ts'
import type { SiteDeclaration, UpstreamDeclaration } from '../../sites/site-declaration.ts'
import { type ContainerFacts, type ContainerNetwork, readContainer } from '../facts/container-facts.ts'
import { ON_HOST, type OwnPlace } from '../facts/own-networks.ts'
import { type ContainerDefaults, declareContainers, findLostContainers } from './container-sites.ts'

const LABEL = 'com.github.nginx-proxy.nginx-proxy.'
const DEFAULTS: ContainerDefaults = {
  httpsMethod: 'redirect',
  nonGetRedirect: 308,
  httpWithoutCert: true,
  hsts: 'max-age=31536000',
  isDefaultTrusted: true,
  defaultHost: undefined,
  preferIpv6: false,
}
const IN_WEB: OwnPlace = { isHost: false, networks: [{ name: 'web', id: 'n-web' }], gateway: '172.20.0.1' }

function network(name: string, ipv4: string | undefined, ipv6?: string): ContainerNetwork {
  return { name, id: `n-${name}`, ipv4, ipv6, gateway: undefined }
}

let count = 0

/** A container that runs in the network `web` and exposes 8080; each is younger than the one before. */
function container(environment: Record<string, string>, more: Partial<ContainerFacts> = {}): ContainerFacts {
  count++
  return {
    id: String(count).padStart(64, '0'),
    name: 'app',
    createdAt: count,
    state: 'running',
    exitCode: undefined,
    isOutOfMemory: false,
    health: 'unknown',
    environment: { VIRTUAL_HOST: 'app.example.com', ...environment },
    labels: {},
    networks: [network('web', '172.20.0.5')],
    networkMode: 'own',
    ports: [8080],
    ...more,
  }
}

function labelled(labels: Record<string, string>): ContainerFacts {
  return container(
    {},
    { labels: Object.fromEntries(Object.entries(labels).map(([name, value]) => [LABEL + name, value])) },
  )
}

function multiports(document: unknown, more: Record<string, string> = {}): ContainerFacts {
  return container({
    VIRTUAL_HOST_MULTIPORTS: typeof document === 'string' ? document : JSON.stringify(document),
    ...more,
  })
}

interface Declare {
  readonly place?: OwnPlace
  readonly defaults?: Partial<ContainerDefaults>
}

function declare(
  containers: readonly ContainerFacts[],
  { place = ON_HOST, defaults }: Declare = {},
): SiteDeclaration[] {
  return declareContainers(containers, place, { ...DEFAULTS, ...defaults })
}

function only(containers: readonly ContainerFacts[], options?: Declare): SiteDeclaration {
  const [site, ...others] = declare(containers, options)
  assert.ok(site, 'there is a site')
  assert.deepEqual(others, [])
  return site
}

function requireUpstream(site: SiteDeclaration, path = '/'): UpstreamDeclaration {
  const target = site.paths.find((each) => each.path === path)?.target
  assert.ok(target?.kind === 'upstream', `there is ${path}`)
  return target.upstream
}

/** The servers of a site as `address:port`, and those without an address as their problem. */
function formatServers(site: SiteDeclaration, path = '/'): string[] {
  return requireUpstream(site, path).servers.map(({ host, port, problem }) => problem ?? `${host}:${port}`)
}

/** Declarations without effect, as shown to the operator. */
function formatLost(containers: readonly ContainerFacts[]): string {
  return findLostContainers(containers)
    .map(({ container: who, name, cause, fix }) => `${who} (${name}): ${cause}. ${fix}.`)
    .join('\n')
}

function warned(site: SiteDeclaration, pattern: RegExp | undefined): void {
  const text = site.warnings.join('\n')
  assert.equal(site.warnings.length, pattern === undefined ? 0 : 1, text)
  if (pattern !== undefined) assert.match(text, pattern)
}

test('a container with nothing but VIRTUAL_HOST gets nginx-proxy’s defaults', () => {
  assert.deepEqual(only([container({})]), {
    host: 'app.example.com',
    source: { kind: 'docker', containers: ['app'] },
    httpsMethod: 'redirect',
    hsts: 'max-age=31536000',
    nonGetRedirect: 308,
    certificateName: undefined,
    isDefaultTrusted: true,
    httpWithoutCert: true,
    clientCertificates: undefined,
    networkAccess: 'external',
    tlsPolicy: undefined,
    http2: true,
    externalHttpPort: undefined,
    externalHttpsPort: undefined,
    isDefault: false,
    paths: [
      {
        path: '/',
        destination: '',
        target: {
          kind: 'upstream',
          upstream: {
            name: 'app.example.com /',
            protocol: 'http',
            servers: [{ host: '172.20.0.5', port: 8080, name: 'app', health: 'unknown', problem: undefined }],
            balance: 'round-robin',
            keepAlive: 32,
          },
        },
      },
    ],
    acme: undefined,
    warnings: [],
  })
})

describe('VIRTUAL_HOST', () => {
  for (const [text, hosts, lost] of [
    ['a.example.com', ['a.example.com']],
    ['a.example.com,b.example.com', ['a.example.com', 'b.example.com']],
    [' a.example.com , b.example.com ', ['a.example.com', 'b.example.com']],
    ['a.example.com,,a.example.com,', ['a.example.com']],
    ['App.Example.COM.', ['app.example.com']],
    ['bücher.example', ['xn--bcher-kva.example']],
    ['localhost', ['localhost']],
    ['my_app.internal', ['my_app.internal']],
    ['192.0.2.7', ['192.0.2.7']],
    ['2001:DB8::7', ['2001:db8::7']],
    ['*.example.com', ['*.example.com']],
    ['app.*', ['app.*']],
    ['.example.com', ['.example.com']],
    ['~^app\\d+\\.example\\.com$', ['~^app\\d+\\.example\\.com$']],
    ['~', [], /no host: it is empty/],
    ['~^(a', [], /Invalid regular expression/],
    ['~^(a+)+$', ['~^(a+)+$']],
    ['a.example.com:8080', [], /goes into VIRTUAL_PORT/],
    ['https://a.example.com', [], /without scheme, port and path/],
    ['a.example.com/app', [], /a path goes into VIRTUAL_PATH/],
    ['*', [], /a star stand for whole parts/],
    ['a*.example.com', [], /a star stand for whole parts/],
    [
      'a b.example.com',
      [],
      /^app \(a b\.example\.com\): "a b\.example\.com" is no host name\. Separate names by commas\.$/,
    ],
    ['a.example.com b.example.com', [], /Separate names by commas/],
    ['a.example.com;b.example.com', [], /Separate names by commas/],
    ['"a.example.com"', [], /""a\.example\.com"" is no host name\. Leave the quotes out/],
    [
      "'a.example.com,b.example.com'",
      [],
      /"'a\.example\.com" .*quotes out.*\n.*"b\.example\.com'" .*quotes out/,
    ],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: compose's text for a variable that is not set
    ['${HOST}', [], /Fill in the variable/],
    ['$HOST', [], /Fill in the variable/],
    ['^app\\.example\\.com$', [], /Begin a regular expression with ~/],
    ['http://a.example.com:8080/', [], /without scheme, port and path/],
    ['~^a{1,3}\\.example\\.com$', ['~^a{1,3}\\.example\\.com$']],
    ['~^[a,b]\\.example\\.com$, c.example.com', ['~^[a,b]\\.example\\.com$', 'c.example.com']],
    ['c.example.com,~^(a|b{2,})\\.d$,e.example.com', ['c.example.com', '~^(a|b{2,})\\.d$', 'e.example.com']],
    ['~^a\\,b$', ['~^a\\,b$']],
    ['~^a\\{,c.example.com', ['~^a\\{', 'c.example.com']],
    [
      '~^(a,b.example.com',
      [],
      /^app \(~\^\(a,b\.example\.com\): .* is no host: .*\. Mend the regular expression\.$/,
    ],
    ['a\u001b[31m.example.com', [], /"a \[31m\.example\.com" is no host name/],
    [`${'a'.repeat(64)}.example.com`, [], /is no host name/],
    ['', []],
    [' , ', []],
  ] as const) {
    test(`${JSON.stringify(text)} declares ${hosts.join(' and ') || 'nothing'}`, () => {
      const containers = [container({ VIRTUAL_HOST: text })]
      assert.deepEqual(
        declare(containers).map(({ host }) => host),
        hosts,
      )
      if (lost) assert.match(formatLost(containers), lost)
      else assert.equal(formatLost(containers), '')
    })
  }

  test('a bad name beside a good one is a warning of the good one', () => {
    warned(only([container({ VIRTUAL_HOST: 'good.example.com,b@d' })]), /^app: "b@d" is no host name/)
  })

  test('more names than anybody has are cut', () => {
    const names = Array.from({ length: 300 }, (_none, index) => `h${index}.example.com`)
    const containers = [container({ VIRTUAL_HOST: names.join() })]
    assert.equal(declare(containers).length, 256)
    assert.match(formatLost(containers), /names 300 hosts: the first 256 count/)
  })
})

describe('the port', () => {
  for (const [name, virtualPort, ports, expected, warning] of [
    ['VIRTUAL_PORT', '3000', [8080], '172.20.0.5:3000'],
    ['VIRTUAL_PORT that is not exposed', '3000', [], '172.20.0.5:3000'],
    ['the only exposed port', undefined, [8080], '172.20.0.5:8080'],
    ['the only exposed port if VIRTUAL_PORT is empty', '', [8080], '172.20.0.5:8080'],
    ['80 of several', undefined, [80, 443], '172.20.0.5:80'],
    [
      '80 if several others are exposed',
      undefined,
      [3000, 9000],
      '172.20.0.5:80',
      /ports 3000, 9000 .* Set VIRTUAL_PORT=3000 if/,
    ],
    ['80 if none is', undefined, [], '172.20.0.5:80', /exposes no port .* Set VIRTUAL_PORT=<port> if/],
  ] as const) {
    test(`is ${name}`, () => {
      const site = only([
        container(virtualPort === undefined ? {} : { VIRTUAL_PORT: virtualPort }, { ports }),
      ])
      assert.deepEqual(formatServers(site), [expected])
      warned(site, warning)
    })
  }
  for (const virtualPort of ['http', '0', '65536', '80,443', '-1', '8080/tcp']) {
    test(`is a problem if VIRTUAL_PORT=${virtualPort}`, () => {
      assert.match(
        formatServers(only([container({ VIRTUAL_PORT: virtualPort })])).join(),
        /is no port: give a number up to 65535/,
      )
    })
  }
})

describe('the address', () => {
  const placed = (drivers: Readonly<Record<string, string>>): OwnPlace => ({
    ...ON_HOST,
    drivers: new Map(Object.entries(drivers)),
  })
  const two = [network('back', '10.0.0.5'), network('web', '172.20.0.5')]
  for (const [name, place, more, preferIpv6, expected] of [
    [
      'is of the first network if Berth is on the host',
      ON_HOST,
      { networks: two },
      false,
      /^10\.0\.0\.5:8080$/,
    ],
    ['is of the first network that Berth is in', IN_WEB, { networks: two }, false, /^172\.20\.0\.5:8080$/],
    [
      'is never of the ingress of a swarm',
      ON_HOST,
      { networks: [network('ingress', '10.255.0.3'), network('web', '172.20.0.5')] },
      false,
      /^172\.20\.0\.5:8080$/,
    ],
    [
      'is IPv4 by default',
      ON_HOST,
      { networks: [network('web', '172.20.0.5', 'fd00::5')] },
      false,
      /^172\.20\.0\.5:8080$/,
    ],
    [
      'is IPv6 if preferred',
      ON_HOST,
      { networks: [network('web', '172.20.0.5', 'fd00::5')] },
      true,
      /^fd00::5:8080$/,
    ],
    [
      'is IPv4 if there is no IPv6',
      ON_HOST,
      { networks: [network('web', '172.20.0.5')] },
      true,
      /^172\.20\.0\.5:8080$/,
    ],
    [
      'is IPv6 if there is no IPv4',
      ON_HOST,
      { networks: [network('web', undefined, 'fd00::5')] },
      false,
      /^fd00::5:8080$/,
    ],
    [
      'is of the next network if the first has none yet',
      ON_HOST,
      { networks: [network('a', undefined), network('web', '172.20.0.5')] },
      false,
      /^172\.20\.0\.5:8080$/,
    ],
    [
      'is loopback for the host’s network',
      ON_HOST,
      { networkMode: 'host', networks: [network('host', undefined)] },
      false,
      /^127\.0\.0\.1:8080$/,
    ],
    [
      'is the gateway for it from a container',
      IN_WEB,
      { networkMode: 'host', networks: [] },
      false,
      /^172\.20\.0\.1:8080$/,
    ],
    [
      'is a problem for it without a gateway',
      { ...IN_WEB, gateway: undefined },
      { networkMode: 'host', networks: [] },
      false,
      /none of Berth's own networks leads: connect Berth/,
    ],
    [
      'is a problem without a common network',
      IN_WEB,
      { networks: [network('back', '10.0.0.5')] },
      false,
      /^app shares no network with Berth \(it is in back; Berth in web\): run "docker network connect web app"$/,
    ],
    [
      'is of a bridge before a network of a driver that is not known to be reached',
      placed({ back: 'weave', web: 'bridge' }),
      { networks: two },
      false,
      /^172\.20\.0\.5:8080$/,
    ],
    [
      'is of no network that the host itself does not reach',
      placed({ back: 'macvlan', web: 'bridge' }),
      { networks: two },
      false,
      /^172\.20\.0\.5:8080$/,
    ],
    [
      'is a problem where no network leads to the host itself',
      placed({ back: 'macvlan' }),
      { networks: [network('back', '10.0.0.5')] },
      false,
      /^app is in the network back only, of the driver macvlan, .* itself: run "docker network connect bridge app"/,
    ],
    [
      'is of a network of any driver that Berth is in, too',
      { ...IN_WEB, drivers: new Map([['web', 'macvlan']]) },
      { networks: two },
      false,
      /^172\.20\.0\.5:8080$/,
    ],
    [
      'is of the network that the label chooses',
      ON_HOST,
      { networks: two, labels: { 'berth.network': 'web' } },
      false,
      /^172\.20\.0\.5:8080$/,
    ],
    [
      'is a problem where the label chooses a network that it is not in',
      ON_HOST,
      { networks: two, labels: { 'berth.network': 'front' } },
      false,
      /^app has the label berth\.network="front" and is in no network of that name \(it is in back, web\): name one/,
    ],
    [
      'is a problem where the label chooses a network that Berth is not in',
      IN_WEB,
      { networks: two, labels: { 'berth.network': 'back' } },
      false,
      /^app shares no network with Berth \(it is in back; Berth in web\)/,
    ],
    [
      'is a problem in another network of the same name',
      IN_WEB,
      { networks: [{ ...network('web', '10.0.0.5'), id: 'n-other' }] },
      false,
      /shares no network/,
    ],
    [
      'is a problem without any network',
      ON_HOST,
      { networkMode: 'none', networks: [network('none', undefined)] },
      false,
      /is in no network: connect/,
    ],
    [
      'is a problem in the network of another container',
      ON_HOST,
      { networkMode: 'shared', networks: [] },
      false,
      /uses the network of another container: set VIRTUAL_HOST on that one/,
    ],
    [
      'is a problem before it has one',
      ON_HOST,
      { networks: [network('web', undefined)] },
      false,
      /has no address in the network web \(yet\)/,
    ],
  ] as const) {
    test(name, () => {
      const [server] = formatServers(only([container({}, more)], { place, defaults: { preferIpv6 } }))
      assert.match(server ?? '', expected)
    })
  }

  test('in the host’s network says that VIRTUAL_PORT is needed', () => {
    const site = only([container({}, { networkMode: 'host', networks: [], ports: [] })])
    warned(site, /in the host's network and says no VIRTUAL_PORT: 80 is tried/)
  })

  test('is one for each container, however many networks it shares', () => {
    const place = { ...IN_WEB, networks: [...IN_WEB.networks, { name: 'back', id: 'n-back' }] }
    assert.equal(formatServers(only([container({}, { networks: two })], { place })).length, 1)
  })
})

describe('the path', () => {
  for (const [path, destination, expected, warning] of [
    ['/', '', ['/', '']],
    ['', '', ['/', '']],
    ['/api/', '/', ['/api/', '/']],
    ['= /x', '', ['= /x', '']],
    ['^~ /x', '/y', ['^~ /x', '/y']],
    ['~ \\.php$', '', ['~ \\.php$', '']],
    ['~^/(app1|app2)/', '', ['~^/(app1|app2)/', '']],
    ['~* ^/A', '', ['~* ^/A', '']],
    ['app', '', ['/app', ''], /has no slash in front: "\/app" is taken/],
    ['/api/', 'v2/', ['/api/', '/v2/'], /has no slash in front: "\/v2\/" is taken/],
    ['~ ^/(a', '', ['/', ''], /path "~ \^\/\(a" cannot be used: Invalid regular/],
    ['@named', '', ['/', ''], /must begin with a slash/],
    ['/a b', '', ['/', ''], /holds white space/],
    ['/a\u0007', '', ['/', ''], /control characters/],
    [`/${'x'.repeat(1025)}`, '', ['/', ''], /longer than 1024/],
  ] as const) {
    test(`${JSON.stringify(path.slice(0, 40))} with destination "${destination}" is ${expected.join(' -> ')}`, () => {
      const site = only([container({ VIRTUAL_PATH: path, VIRTUAL_DEST: destination })])
      const [declared] = site.paths
      assert.deepEqual([declared?.path, declared?.destination], expected)
      if (warning) assert.match(site.warnings.join('\n'), warning)
      else warned(site, undefined)
    })
  }

  test('that is a regular expression cannot be replaced: that path answers 503, and no other', () => {
    const site = only([container({ VIRTUAL_PATH: '~ ^/a', VIRTUAL_DEST: '/b' }), container({})])
    assert.match(formatServers(site, '~ ^/a').join(), /cannot take the place of the regular expression/)
    assert.deepEqual(formatServers(site), ['172.20.0.5:8080'])
  })

  test('that cannot be read keeps the host, without a server', () => {
    const site = only([container({ VIRTUAL_PATH: '@x' })])
    assert.deepEqual(requireUpstream(site).servers, [])
    assert.match(requireUpstream(site).outage?.cause ?? '', /None of its paths/)
  })
})

describe('VIRTUAL_PROTO', () => {
  for (const protocol of ['http', 'https', 'h2c', 'grpc', 'grpcs'] as const) {
    test(`${protocol} is spoken`, () => {
      assert.equal(requireUpstream(only([container({ VIRTUAL_PROTO: protocol })])).protocol, protocol)
    })
  }
  for (const protocol of ['uwsgi', 'fastcgi', 'ftp', 'http://']) {
    test(`${protocol} is a problem with a remedy`, () => {
      const site = only([container({ VIRTUAL_PROTO: protocol })])
      assert.match(
        formatServers(site).join(),
        /is not spoken here \(http, https, h2c, grpc, grpcs are\)\. Put an HTTP server before it/,
      )
    })
  }
  test('in capitals is understood', () => {
    assert.equal(requireUpstream(only([container({ VIRTUAL_PROTO: 'HTTPS' })])).protocol, 'https')
  })
})

describe('a setting', () => {
  type Case = readonly [
    given: Record<string, string>,
    expected: Partial<SiteDeclaration>,
    warning?: RegExp | undefined,
    defaults?: Partial<ContainerDefaults>,
  ]
  const cases: readonly Case[] = [
    [{ HTTPS_METHOD: 'noredirect' }, { httpsMethod: 'noredirect', hsts: undefined }],
    [{ HTTPS_METHOD: 'nohttps' }, { httpsMethod: 'nohttps', hsts: undefined }],
    [{ HTTPS_METHOD: 'nohttp' }, { httpsMethod: 'nohttp', hsts: 'max-age=31536000' }],
    [{ HTTPS_METHOD: '' }, { httpsMethod: 'redirect' }],
    [{}, { httpsMethod: 'nohttp' }, undefined, { httpsMethod: 'nohttp' }],
    [{ HTTPS_METHOD: 'always' }, { httpsMethod: 'redirect' }, /HTTPS_METHOD="always" is not known/],
    [{ HSTS: 'off' }, { hsts: undefined }],
    [{ HSTS: 'max-age=60; preload' }, { hsts: 'max-age=60; preload' }],
    [
      { HSTS: 'max-age=60\r\nSet-Cookie: a=b' },
      { hsts: 'max-age=31536000' },
      /HSTS=.* is no value of that header/,
    ],
    [{ HSTS: 'on' }, { hsts: 'max-age=31536000' }, /HSTS="on"/],
    [{ CERT_NAME: 'shared' }, { certificateName: 'shared' }],
    [{ CERT_NAME: '../../etc/passwd' }, { certificateName: undefined }, /CERT_NAME=.* is no name of a file/],
    [{ CERT_NAME: '.hidden' }, { certificateName: undefined }, /CERT_NAME/],
    [{ NETWORK_ACCESS: 'internal' }, { networkAccess: 'internal' }],
    [{ NETWORK_ACCESS: 'external' }, { networkAccess: 'external' }],
    [{ NETWORK_ACCESS: 'Internal' }, { networkAccess: 'internal' }],
    [
      { NETWORK_ACCESS: 'intern' },
      { networkAccess: 'internal' },
      /"intern" is not known.* Only private networks/,
    ],
    [{ SSL_POLICY: 'Mozilla-Modern' }, { tlsPolicy: 'Mozilla-Modern' }],
    [{ SSL_POLICY: 'mozilla-old' }, { tlsPolicy: 'Mozilla-Old' }],
    [
      { SSL_POLICY: 'AWS-TLS13-1-2-2021-06' },
      { tlsPolicy: 'Mozilla-Intermediate' },
      /Mozilla-Intermediate is used/,
    ],
    [{ SSL_POLICY: 'Strong' }, { tlsPolicy: undefined }, /SSL_POLICY="Strong" is not known/],
    [{ NON_GET_REDIRECT: '301' }, { nonGetRedirect: 301 }],
    [{}, { nonGetRedirect: 307 }, undefined, { nonGetRedirect: 307 }],
    [{ NON_GET_REDIRECT: '' }, { nonGetRedirect: 301 }, undefined, { nonGetRedirect: 301 }],
    [{ ENABLE_HTTP_ON_MISSING_CERT: 'false' }, { httpWithoutCert: false }],
    [{ ENABLE_HTTP_ON_MISSING_CERT: 'T' }, { httpWithoutCert: true }, undefined, { httpWithoutCert: false }],
    [{}, { httpWithoutCert: false }, undefined, { httpWithoutCert: false }],
    [
      { ENABLE_HTTP_ON_MISSING_CERT: 'no' },
      { httpWithoutCert: true },
      /ENABLE_HTTP_ON_MISSING_CERT="no" is not known: true and false are/,
    ],
    [
      { EXTERNAL_HTTP_PORT: '8080', EXTERNAL_HTTPS_PORT: '8443' },
      { externalHttpPort: 8080, externalHttpsPort: 8443 },
    ],
    [
      { EXTERNAL_HTTPS_PORT: '70000' },
      { externalHttpsPort: undefined },
      /EXTERNAL_HTTPS_PORT="70000" is no port/,
    ],
    [{ NON_GET_REDIRECT: '307' }, { nonGetRedirect: 307 }],
    [{ NON_GET_REDIRECT: '200' }, { nonGetRedirect: 308 }, /is no redirect/],
    [{}, { isDefault: true }, undefined, { defaultHost: 'APP.example.com' }],
    [{}, { isDefault: false }, undefined, { defaultHost: 'other.example.com' }],
  ]
  for (const [given, expected, warning, defaults] of cases) {
    test(`${JSON.stringify(given)}${defaults ? ` with default ${JSON.stringify(defaults)}` : ''} is ${JSON.stringify(expected)}`, () => {
      const site = only([container(given)], { defaults: defaults ?? {} })
      for (const [name, value] of Object.entries(expected))
        assert.equal(site[name as keyof SiteDeclaration], value, name)
      warned(site, warning)
    })
  }
})

describe('the label', () => {
  for (const [labels, balance, warning] of [
    [{ loadbalance: 'ip_hash;' }, 'ip-hash'],
    [{ loadbalance: 'hash $remote_addr;' }, 'ip-hash'],
    [{ loadbalance: 'hash $binary_remote_addr consistent;' }, 'ip-hash'],
    [{ loadbalance: 'least_conn;' }, 'least-connections'],
    [{ loadbalance: 'round_robin' }, 'round-robin'],
    [
      { loadbalance: 'random two least_conn;' },
      'round-robin',
      /loadbalance="random two least_conn" is not done/,
    ],
    [{ loadbalance: 'hash $request_uri;' }, 'round-robin', /is not done/],
    [{ loadbalance: '' }, 'round-robin'],
  ] as const) {
    test(`${JSON.stringify(labels)} shares requests out by ${balance}`, () => {
      const site = only([labelled(labels)])
      assert.equal(requireUpstream(site).balance, balance)
      warned(site, warning)
    })
  }
  for (const [value, expected, warning] of [
    ['auto', 32],
    ['disabled', 0],
    ['7', 7],
    ['999999', 1024],
    ['lots', 32, /keepalive="lots" is not known/],
  ] as const) {
    test(`keepalive=${value} keeps ${expected} connections`, () => {
      const site = only([labelled({ keepalive: value })])
      assert.equal(requireUpstream(site).keepAlive, expected)
      warned(site, warning)
    })
  }
  for (const [value, isDefaultTrusted, expected, warning] of [
    ['false', true, false],
    ['False', true, false],
    ['0', true, false],
    ['true', false, true],
    ['', false, false],
    ['no', true, true, /trust-default-cert="no" is not known: true and false are/],
    ['no', false, false, /trust-default-cert="no" is not known/],
  ] as const) {
    test(`trust-default-cert=${value} is ${expected} where the proxy says ${isDefaultTrusted}`, () => {
      const site = only([labelled({ 'trust-default-cert': value })], { defaults: { isDefaultTrusted } })
      assert.equal(site.isDefaultTrusted, expected)
      warned(site, warning)
    })
  }
  for (const [labels, warning] of [
    [{ 'http3.enable': 'true' }, /http3\.enable=true, which is not done/],
    [{ ssl_verify_client: 'optional' }, undefined],
    [{ ssl_verify_client: 'off' }, undefined],
    [{ 'load-balance': 'ip_hash' }, /"load-balance" of nginx-proxy, which is not known/],
    [{ nginx: '' }, undefined],
  ] as const) {
    test(`${JSON.stringify(labels)} ${warning ? 'is warned of' : 'is no reason to warn'}`, () => {
      const site = only([labelled(labels)])
      warned(site, warning)
      assert.deepEqual(formatServers(site), ['172.20.0.5:8080'])
    })
  }
  test('http2.enable=false turns HTTP/2 off', () => {
    assert.equal(only([labelled({ 'http2.enable': 'false' })]).http2, false)
  })
  test('non-get-redirect wins over the variable', () => {
    const both = container({ NON_GET_REDIRECT: '301' }, { labels: { [`${LABEL}non-get-redirect`]: '307' } })
    assert.equal(only([both]).nonGetRedirect, 307)
  })
  for (const [values, expected, warning] of [
    [['on'], 'on'],
    [['off'], 'off'],
    [['OPTIONAL'], 'optional'],
    [['optional_no_ca'], 'optional_no_ca'],
    [[''], undefined],
    [['yes'], 'on', /ssl_verify_client="yes" is not known: on, optional, optional_no_ca, off are/],
    [['off', 'on'], 'on', /disagree on ssl_verify_client: "on" counts, which is stricter/],
    [['off', ''], undefined, /disagree on ssl_verify_client: "on" counts/],
    [['optional_no_ca', 'optional'], 'optional', /"optional" counts/],
    [['', 'on'], 'on'],
  ] as const) {
    test(`ssl_verify_client=${values.join(' and ')} is ${expected ?? 'left to the files'}`, () => {
      const containers = values.map((value, at) => ({
        ...labelled({ ssl_verify_client: value }),
        id: String(at).padStart(64, '0'),
        name: `app-${at}`,
      }))
      const site = only(containers)
      assert.equal(site.clientCertificates, expected)
      warned(site, warning)
    })
  }
})

describe('VIRTUAL_HOST_MULTIPORTS', () => {
  test('overrides the other variables', () => {
    const sites = declare([
      multiports(
        { 'a.example.com': {} },
        { VIRTUAL_HOST: 'b.example.com', VIRTUAL_PORT: '1', VIRTUAL_PATH: '/x' },
      ),
    ])
    assert.deepEqual(
      sites.map(({ host }) => host),
      ['a.example.com'],
    )
    assert.deepEqual(
      sites.flatMap((site) => formatServers(site)),
      ['172.20.0.5:8080'],
    )
  })
  for (const [name, document, expected] of [
    ['YAML without paths', 'a.example.com:\n', { 'a.example.com': ['/  -> 8080 http'] }],
    [
      'YAML with hosts, paths, ports and destinations',
      'a.example.com:\n  "/":\n  "/api":\n    port: 8000\n    dest: "/"\nb.example.com:\n  "/":\n    port: 9000\n    proto: https\n',
      { 'a.example.com': ['/  -> 8080 http', '/api / -> 8000 http'], 'b.example.com': ['/  -> 9000 https'] },
    ],
    ['JSON', { 'a.example.com': { '/': { port: '81' } } }, { 'a.example.com': ['/  -> 81 http'] }],
    [
      'empty values',
      { 'a.example.com': { '/': { port: '', dest: null, proto: '' } } },
      { 'a.example.com': ['/  -> 8080 http'] },
    ],
    ['wildcards', { '*.example.com': null }, { '*.example.com': ['/  -> 8080 http'] }],
  ] as const) {
    test(`is read as ${name}`, () => {
      const found = Object.fromEntries(
        declare([multiports(document)]).map((site) => [
          site.host,
          site.paths.map(({ path, destination }) => {
            const upstream = requireUpstream(site, path)
            return `${path} ${destination} -> ${upstream.servers[0]?.port} ${upstream.protocol}`
          }),
        ]),
      )
      assert.deepEqual(found, expected)
    })
  }
  test('has the ports that visitors use, for the whole host', () => {
    for (const document of [
      { 'a.example.com': { external_http_port: 8080, external_https_port: 8443, '/': {} } },
      { 'a.example.com': { '/': {}, '/b': { external_http_port: 8080, external_https_port: '8443' } } },
    ]) {
      const site = only([multiports(document)])
      assert.deepEqual([site.externalHttpPort, site.externalHttpsPort], [8080, 8443])
      assert.equal(
        site.paths.some(({ path }) => path.includes('external')),
        false,
      )
      warned(site, undefined)
    }
  })
  test('has the last word on the ports that visitors use, before the variables of the container', () => {
    const variables = { EXTERNAL_HTTP_PORT: '80', EXTERNAL_HTTPS_PORT: '9443' }
    const site = only([multiports({ 'a.example.com': { external_http_port: 8080 } }, variables)])
    assert.deepEqual([site.externalHttpPort, site.externalHttpsPort], [8080, 9443])
  })
  for (const [name, document, reason] of [
    ['text', 'just words', /must map host names to paths/],
    ['a list', '- a.example.com', /must map host names to paths/],
    ['nothing that can be read', 'a: [', /neither YAML nor JSON/],
    ['one name twice', 'a.example.com:\na.example.com:\n', /neither YAML nor JSON/],
    ['deep brackets', '['.repeat(60_000), /neither YAML nor JSON/],
    ['too much', `#${'x'.repeat(70_000)}`, /longer than 65536/],
    [
      'an explosion of aliases',
      `a: &a [x,x,x,x,x,x,x,x,x]\n${['b', 'c', 'd', 'e', 'f', 'g'].map((key, index) => `${key}: &${key} [${Array(9).fill(`*${'abcdef'[index]}`).join()}]`).join('\n')}\n`,
      /neither YAML nor JSON/,
    ],
    ['a bad host', { 'b@d': {} }, /"b@d" is no host name/],
  ] as const) {
    test(`with ${name} is lost, with a warning`, () => {
      const containers = [multiports(document), container({ VIRTUAL_HOST: 'other.example.com' })]
      assert.deepEqual(
        declare(containers).map(({ host }) => host),
        ['other.example.com'],
      )
      assert.match(formatLost(containers), reason)
    })
  }
  test('says what in it means nothing', () => {
    warned(
      only([multiports({ 'a.example.com': { '/': { prot: 'https' } } })]),
      /"prot", which means nothing there/,
    )
    warned(only([multiports({ 'a.example.com': { '/': 8080 } })]), /gives "8080" where port and dest/)
    warned(only([multiports({ 'a.example.com': 8080 })]), /gives "8080" where paths should stand/)
  })
})

describe('a certificate', () => {
  const readWish = (environment: Record<string, string>): SiteDeclaration['acme'] =>
    only([container(environment)]).acme
  test('is requested with all that was declared', () => {
    assert.deepEqual(
      readWish({
        ACME_HOST: 'app.example.com, WWW.example.com',
        ACME_EMAIL: 'ops@example.com',
        ACME_CA_URI: 'https://ca.example/directory',
        ACME_EAB_KID: 'kid',
        ACME_EAB_HMAC_KEY: 'c2VjcmV0',
        ACME_CERT_PROFILE: 'tlsserver',
        ACME_PREFERRED_CHAIN: 'ISRG Root X2',
        ACME_KEYSIZE: 'ec-384',
        LETSENCRYPT_TEST: 'true',
        ACME_CHALLENGE: 'DNS-01',
      }),
      {
        hosts: ['app.example.com', 'www.example.com'],
        container: 'app',
        email: 'ops@example.com',
        directory: 'https://ca.example/directory',
        eab: { keyId: 'kid', hmacKey: 'c2VjcmV0' },
        profile: 'tlsserver',
        preferredChain: 'ISRG Root X2',
        keyType: 'ec-384',
        isTest: true,
        challenge: 'dns-01',
      },
    )
  })
  for (const [environment, expected, warning] of [
    [{ LETSENCRYPT_HOST: 'app.example.com', LETSENCRYPT_EMAIL: 'a@example.com' }, { email: 'a@example.com' }],
    [{ ACME_HOST: 'app.example.com', LETSENCRYPT_HOST: 'x.example.com' }, { hosts: ['app.example.com'] }],
    [{ ACME_HOST: 'app.example.com', ACME_KEYSIZE: '2048' }, { keyType: 'rsa-2048' }],
    [{ ACME_HOST: 'app.example.com', LETSENCRYPT_KEYSIZE: '4096' }, { keyType: 'rsa-4096' }],
    [
      { ACME_HOST: 'app.example.com', ACME_KEYSIZE: '8192' },
      { keyType: undefined },
      /ACME_KEYSIZE="8192" is not made here/,
    ],
    [{ ACME_HOST: 'app.example.com', ACME_KEYSIZE: 'toString' }, { keyType: undefined }, /ACME_KEYSIZE/],
    [{ ACME_HOST: 'app.example.com', ACME_CHALLENGE: 'TLS-ALPN-01' }, { challenge: 'tls-alpn-01' }],
    [
      { ACME_HOST: 'app.example.com', ACME_CHALLENGE: 'MAIL' },
      { challenge: undefined },
      /ACME_CHALLENGE="MAIL"/,
    ],
    [{ ACME_HOST: 'app.example.com', ACME_EMAIL: 'nobody' }, { email: undefined }, /is no address/],
    [
      { ACME_HOST: 'app.example.com', ACME_CA_URI: 'http://ca' },
      { directory: undefined },
      /no https:\/\/ URL/,
    ],
    [{ ACME_HOST: 'app.example.com', ACME_EAB_KID: 'kid' }, { eab: undefined }, /only of use together/],
    [{ ACME_HOST: 'app.example.com', ACME_CERT_PROFILE: 'a b' }, { profile: undefined }, /ACME_CERT_PROFILE/],
    [{ ACME_HOST: 'app.example.com,b@d' }, { hosts: ['app.example.com'] }, /ACME_HOST has "b@d"/],
    [{ ACME_HOST: 'app.example.com', LETSENCRYPT_TEST: 'false' }, { isTest: false }],
    [{ ACME_HOST: 'app.example.com', ACMESH_DNS_API_CONFIG: 'set' }, {}, /ACMESH_DNS_API_CONFIG is not read/],
    [{ ACME_HOST: 'app.example.com', ZEROSSL_API_KEY: 'set' }, {}, /ZEROSSL_API_KEY is not used/],
    [{ ACME_HOST: 'app.example.com', ACME_RESTART_CONTAINER: 'true' }, {}, /only reads from Docker/],
    [{ ACME_HOST: 'app.example.com', ACME_POST_HOOK: 'echo' }, {}, /are not run/],
    [{ ACME_HOST: '*.example.com' }, { hosts: ['*.example.com'] }],
    [{ ACME_HOST: 'mail.example.com' }, { hosts: ['mail.example.com'] }],
  ] as const) {
    test(`with ${JSON.stringify(environment)} is requested`, () => {
      const site = only([container(environment)])
      for (const [name, value] of Object.entries(expected)) {
        assert.deepEqual(site.acme?.[name as keyof typeof site.acme], value, name)
      }
      assert.ok(site.acme)
      warned(site, warning)
    })
  }
  test('is for each host alone, if so declared', () => {
    const sites = declare([
      container({
        VIRTUAL_HOST: 'a.example.com,b.example.com,c.example.com',
        ACME_HOST: 'a.example.com,b.example.com',
        ACME_SINGLE_DOMAIN_CERTS: 'true',
      }),
    ])
    assert.deepEqual(
      sites.map(({ acme }) => acme?.hosts),
      [['a.example.com'], ['b.example.com'], undefined],
    )
  })
  test('is one for all names otherwise, which each of its hosts asks for', () => {
    const sites = declare([
      container({ VIRTUAL_HOST: 'a.example.com,b.example.com', ACME_HOST: 'a.example.com,b.example.com' }),
    ])
    assert.deepEqual(sites[0]?.acme, sites[1]?.acme)
  })
  test('is kept while its container is stopped', () => {
    assert.ok(only([container({ ACME_HOST: 'app.example.com' }, { state: 'stopped', exitCode: 0 })]).acme)
  })
  test('keeps its key out of all reports', () => {
    const site = only([container({ ACME_HOST: 'app.example.com,b@d', ACME_EAB_HMAC_KEY: 'topsecret' })])
    assert.equal(JSON.stringify(site.warnings).includes('topsecret'), false)
  })
})

describe('several containers', () => {
  test('with one host and path share it, the older one first', () => {
    const younger = container({ VIRTUAL_PORT: '2' }, { name: 'younger', createdAt: 20 })
    const older = container({ VIRTUAL_PORT: '1' }, { name: 'older', createdAt: 10 })
    const site = only([younger, older])
    assert.deepEqual(formatServers(site), ['172.20.0.5:1', '172.20.0.5:2'])
    assert.deepEqual(site.source, { kind: 'docker', containers: ['older', 'younger'] })
    warned(site, undefined)
  })
  test('with one host and other paths are apart', () => {
    const site = only([container({ VIRTUAL_PATH: '/api/' }, { name: 'api' }), container({})])
    assert.deepEqual(
      site.paths.map(({ path }) => path),
      ['/api/', '/'],
    )
    assert.deepEqual(
      site.paths.map(({ path }) => requireUpstream(site, path).servers.map(({ name }) => name)),
      [['api'], ['app']],
    )
  })
  for (const [variable, first, second, of] of [
    ['HTTPS_METHOD', 'nohttp', 'nohttps', (site: SiteDeclaration) => site.httpsMethod],
    ['CERT_NAME', 'one', 'two', (site: SiteDeclaration) => site.certificateName],
    ['HSTS', 'max-age=1', 'max-age=2', (site: SiteDeclaration) => site.hsts],
    ['SSL_POLICY', 'Mozilla-Modern', 'Mozilla-Old', (site: SiteDeclaration) => site.tlsPolicy],
  ] as const) {
    test(`that disagree on ${variable} go by the oldest, in whatever order they come`, () => {
      const older = container({ [variable]: first }, { name: 'older', createdAt: 1 })
      const younger = container({ [variable]: second }, { name: 'younger', createdAt: 2 })
      for (const order of [
        [older, younger],
        [younger, older],
      ]) {
        const site = only(order)
        assert.equal(of(site), first)
        warned(site, new RegExp(`older and younger disagree on ${variable}: "${first}" counts`))
      }
    })
  }
  test('of which one says nothing do not disagree', () => {
    const site = only([container({}), container({ HTTPS_METHOD: 'nohttp' })])
    assert.equal(site.httpsMethod, 'nohttp')
    warned(site, undefined)
  })
  test('that disagree on VIRTUAL_DEST and VIRTUAL_PROTO go by the oldest', () => {
    const site = only([
      container({ VIRTUAL_PATH: '/a/', VIRTUAL_DEST: '/x/', VIRTUAL_PROTO: 'https' }),
      container({ VIRTUAL_PATH: '/a/', VIRTUAL_DEST: '/y/' }, { name: 'other' }),
    ])
    assert.equal(site.paths[0]?.destination, '/x/')
    assert.equal(requireUpstream(site, '/a/').protocol, 'https')
    assert.deepEqual(site.warnings.map((text) => /VIRTUAL_\w+/.exec(text)?.[0]).sort(), [
      'VIRTUAL_DEST',
      'VIRTUAL_PROTO',
    ])
  })
  test('of which one is for private networks only are all so', () => {
    const site = only([container({}), container({ NETWORK_ACCESS: 'internal' }, { name: 'inner' })])
    assert.equal(site.networkAccess, 'internal')
    warned(site, /inner says NETWORK_ACCESS=internal and app does not/)
  })
  test('of which one cannot be reached serve by the others', () => {
    const site = only([
      container({}),
      container({}, { name: 'lost', networks: [] }),
      container({ VIRTUAL_PROTO: 'uwsgi' }, { name: 'snake' }),
    ])
    const [first, second, third] = formatServers(site)
    assert.equal(first, '172.20.0.5:8080')
    assert.match(second ?? '', /^lost is in no network/)
    assert.match(third ?? '', /^snake says VIRTUAL_PROTO="uwsgi"/)
    assert.equal(requireUpstream(site).protocol, 'http')
  })
  test('of which one is broken in every way touch no other host', () => {
    const sound = container({ VIRTUAL_HOST: 'sound.example.com' })
    const alone = declare([sound])
    const broken = [
      container({ VIRTUAL_HOST: 'x@y', VIRTUAL_PATH: '~(', VIRTUAL_PORT: 'z' }),
      multiports('{'),
      container({ VIRTUAL_PATH: '~ (', VIRTUAL_PROTO: '\u0000' }, { networks: [], ports: [] }),
    ]
    const together = declare([...broken, sound]).filter(({ host }) => host === 'sound.example.com')
    assert.deepEqual(together, alone)
  })
  test('say one mistake once, and not more than can be read', () => {
    const many = Array.from({ length: 100 }, (_none, index) =>
      container({ HSTS: 'x' }, { ports: [], name: `app${index}` }),
    )
    assert.ok(only(many).warnings.length <= 20)
  })
})

describe('a container that does not run', () => {
  for (const [state, more, warning] of [
    [
      'stopped',
      { exitCode: 0 },
      /^\/ answers 503: app is stopped \(exit code 0\)\. Start it with "docker start app", or give the host up with "docker rm app"$/,
    ],
    ['stopped', { exitCode: 137, isOutOfMemory: true }, /exit code 137, out of memory/],
    ['stopped', { exitCode: 137 }, /exit code 137, killed/],
    ['stopped', {}, /exit code unknown/],
    ['created', {}, /was never started\. Start it/],
    ['paused', {}, /is paused\. Let it go on with "docker unpause app"/],
    ['restarting', { exitCode: 1 }, /ends again and again \(exit code 1\)\. Look at "docker logs app"/],
  ] as const) {
    test(`since it is ${state} ${JSON.stringify(more)} keeps its host, without a server`, () => {
      const site = only([container({ HTTPS_METHOD: 'nohttp', CERT_NAME: 'shared' }, { state, ...more })])
      assert.deepEqual(requireUpstream(site).servers, [])
      assert.equal(site.httpsMethod, 'nohttp')
      assert.equal(site.certificateName, 'shared')
      warned(site, warning)
    })
  }
  test('has no say while another runs', () => {
    const site = only([
      container(
        { HTTPS_METHOD: 'nohttp', NETWORK_ACCESS: 'internal' },
        { state: 'stopped', name: 'old', createdAt: 1 },
      ),
      container({}, { name: 'new', createdAt: 2 }),
    ])
    assert.equal(site.httpsMethod, 'redirect')
    assert.equal(site.networkAccess, 'external')
    assert.deepEqual(
      requireUpstream(site).servers.map(({ name }) => name),
      ['new'],
    )
    warned(site, undefined)
  })
  test('speaks by its youngest where none runs', () => {
    const site = only([
      container({ HTTPS_METHOD: 'nohttp' }, { state: 'stopped', name: 'old', createdAt: 1 }),
      container({ HTTPS_METHOD: 'nohttps' }, { state: 'stopped', name: 'new', createdAt: 2, exitCode: 1 }),
    ])
    assert.equal(site.httpsMethod, 'nohttps')
    assert.match(requireUpstream(site).outage?.cause ?? '', /^new is stopped \(exit code 1\) \(and 1 more/)
  })
  test('keeps its path beside those that are served', () => {
    const site = only([
      container({}),
      container({ VIRTUAL_PATH: '/api/' }, { state: 'stopped', name: 'api', exitCode: 2 }),
    ])
    assert.deepEqual(formatServers(site), ['172.20.0.5:8080'])
    assert.deepEqual(requireUpstream(site, '/api/').servers, [])
    warned(site, /^\/api\/ answers 503: api is stopped/)
  })
})

test('health is passed on', () => {
  for (const health of ['healthy', 'unknown', 'starting', 'unhealthy'] as const) {
    assert.equal(requireUpstream(only([container({}, { health })])).servers[0]?.health, health)
  }
})

test('declaring is the same for the same containers, in whatever order', () => {
  const containers = Array.from({ length: 40 }, (_none, index) =>
    container(
      { VIRTUAL_HOST: `h${index % 7}.example.com`, HSTS: `max-age=${index}` },
      { name: `c${index}`, createdAt: index % 5 },
    ),
  )
  const byHost = (sites: SiteDeclaration[]): SiteDeclaration[] =>
    sites.sort((a, b) => (a.host < b.host ? -1 : 1))
  assert.deepEqual(byHost(declare(containers)), byHost(declare(containers.toReversed())))
})

test('a thousand containers take no more than their share of time', () => {
  const make = (count: number): ContainerFacts[] =>
    Array.from({ length: count }, (_none, index) =>
      container({
        VIRTUAL_HOST: `h${index}.example.com,www.h${index}.example.com`,
        ACME_HOST: `h${index}.example.com`,
      }),
    )
  assert.equal(declare(make(1_000)).length, 2_000)
  assertGrowsLinearly((count) => {
    const containers = make(count)
    return () => void declare(containers)
  }, 1_000)
})

test('what an engine answers becomes a site', () => {
  const facts = readContainer({
    Id: 'f'.repeat(64),
    Name: '/app',
    Created: '2024-05-01T10:00:00.1Z',
    State: { Status: 'running', Running: true },
    Config: {
      Env: ['VIRTUAL_HOST=app.example.com', 'DATABASE_PASSWORD=secret'],
      ExposedPorts: { '3000/tcp': {} },
    },
    HostConfig: { NetworkMode: 'web' },
    NetworkSettings: { Ports: {}, Networks: { web: { IPAddress: '172.20.0.9', NetworkID: 'n-web' } } },
  })
  assert.ok(facts)
  assert.deepEqual(formatServers(only([facts], { place: IN_WEB })), ['172.20.0.9:3000'])
})

test('a variable longer than what is kept of one is cut with a warning, not passed over', () => {
  const names = Array.from({ length: 6_000 }, (_, index) => `m${index}.example.com`)
  const long = { VIRTUAL_HOST: names.join(), VIRTUAL_HOST_MULTIPORTS: `#${'x'.repeat(70_000)}` }
  for (const [name, value] of Object.entries(long)) {
    const facts = readContainer({
      ...{ Id: 'f'.repeat(64), Name: '/app', Created: '2024-05-01T10:00:00.1Z' },
      ...{ State: { Status: 'running', Running: true }, Config: { Env: [`${name}=${value}`] } },
      ...{ HostConfig: { NetworkMode: 'web' }, NetworkSettings: { Ports: {}, Networks: {} } },
    })
    assert.ok(facts)
    assert.match(formatLost([facts]), /names \d+ hosts: the first 256 count|longer than 65536/, name)
  }
})
