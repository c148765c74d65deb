import assert from 'node:assert/strict'
import path from 'node:path'
import { after, test } from 'node:test'
import { openConfigRoom } from '../../test/support/program/config-room.ts'
import { formatAddress } from './show/describe.ts'

const { folder, load, write, refusal, remove } = openConfigRoom('/srv')
after(remove)

test('a domain turns the front door on, with listeners on all addresses', () => {
  const { config } = load({ flags: { domain: 'Registry.Example.com,b.example' } })
  assert.deepEqual(config.frontDoor?.domains, ['registry.example.com', 'b.example'])
  assert.deepEqual([formatAddress(config.listenHttp), formatAddress(config.listenHttps)], [':80', ':443'])
  assert.equal(config.frontDoor?.acme.directory, 'https://acme-v02.api.letsencrypt.org/directory')
})

test('the registry leaves plain HTTP open only where no password crosses a network', () => {
  for (const [flags, method] of [
    [{ 'https-method': 'noredirect' }, 'redirect'],
    [{ 'https-method': 'nohttps' }, 'redirect'],
    [{ 'https-method': 'nohttp' }, 'nohttp'],
    [{ 'https-method': 'noredirect', 'listen-http': '127.0.0.1:80' }, 'noredirect'],
    [{ 'https-method': 'nohttps', 'insecure-http': 'true' }, 'nohttps'],
  ] as const) {
    const { frontDoor } = load({ flags: { domain: 'r.example', ...flags } }).config
    assert.equal(frontDoor?.registryHttpsMethod, method)
    assert.equal(frontDoor.httpsMethod, flags['https-method'])
  }
})

test("nginx-proxy's variables count with a domain, after Berth's own, and those meant for others only warn", () => {
  const { config, sources, warnings } = load({
    env: {
      VIRTUAL_HOST: 'r.example',
      HTTPS_METHOD: 'noredirect',
      SSL_POLICY: 'AWS-TLS-1-2-2017-01',
      HSTS: 'off',
      TRUST_DEFAULT_CERT: 'false',
      BERTH_PROXY_PROTOCOL: 'required',
      BERTH_SERVE_DOTFILES: 'true',
      EXTERNAL_HTTP_PORT: '8080',
      EXTERNAL_HTTPS_PORT: '8443',
    },
  })
  assert.deepEqual(config.frontDoor?.domains, ['r.example'])
  assert.deepEqual([config.frontDoor?.httpsMethod, config.frontDoor?.hsts], ['noredirect', undefined])
  assert.equal(config.frontDoor?.isDefaultTrusted, false)
  assert.equal(config.frontDoor?.proxyProtocol, 'required')
  assert.deepEqual([config.frontDoor?.serveDotfiles, config.frontDoor?.serveSymlinks], [true, false])
  assert.deepEqual([config.frontDoor?.externalHttpPort, config.frontDoor?.externalHttpsPort], [8080, 8443])
  assert.equal(sources.domain, 'VIRTUAL_HOST')
  assert.equal(warnings.length, 1)
  assert.match(warnings[0] ?? '', /SSL_POLICY/)
  const alone = load({ env: { HTTPS_METHOD: 'nohttp', DOCKER_HOST: 'ssh://somewhere' } })
  assert.deepEqual([alone.config.frontDoor, alone.warnings], [undefined, []])
})

test('settings of the front door without a domain are refused', () => {
  const error = refusal({ flags: { 'vhost-dir': 'vhost.d' } })
  assert.equal(error.code, 'VALUES_CONFLICT')
  assert.match(error.message, /^vhost-dir is given without a domain/)
})

const SITES = `
domain: r.example
sites:
  app.example.com: { upstream: http://10.0.0.5:8080 }
  '*.b.example':
    files: www
    paths:
      /api/: { upstream: ['h2c://[::1]', 'h2c://backend:81'], destination: /, balance: ip-hash }
`

test('sites of berth.yaml are hosts with servers or files', () => {
  const sites = load({ flags: { config: write('sites.yaml', SITES) } }).config.frontDoor?.sites
  assert.deepEqual(
    sites?.map(({ host, paths }) => [
      host,
      paths.map(({ path: where, upstreams, files }) => [where, upstreams, files]),
    ]),
    [
      ['app.example.com', [['/', [{ protocol: 'http', host: '10.0.0.5', port: 8080 }], undefined]]],
      [
        '*.b.example',
        [
          ['/', [], path.join(folder, 'www')],
          [
            '/api/',
            [
              { protocol: 'h2c', host: '::1', port: 80 },
              { protocol: 'h2c', host: 'backend', port: 81 },
            ],
            undefined,
          ],
        ],
      ],
    ],
  )
})

test('a site of berth.yaml says for itself whether it may do with the default certificate', () => {
  const text =
    'domain: r.example\nsites:\n  a.example: { upstream: http://x, trust-default-cert: false }\n  b.example: { upstream: http://x }\n'
  const door = load({ flags: { config: write('trust.yaml', text) } }).config.frontDoor
  assert.deepEqual(
    door?.sites.map(({ isDefaultTrusted }) => isDefaultTrusted),
    [false, undefined],
  )
  assert.equal(door?.isDefaultTrusted, true)
})

test('a site of berth.yaml says for itself whether visitors show a certificate', () => {
  const modes = ['on', 'optional', 'optional_no_ca', 'off']
  const sites = modes.map(
    (word, at) => `  s${at}.example: { upstream: http://x, client-certificates: ${word} }\n`,
  )
  const text = `domain: r.example\nsites:\n${sites.join('')}  none.example: { upstream: http://x }\n`
  const door = load({ flags: { config: write('clients.yaml', text) } }).config.frontDoor
  assert.deepEqual(
    door?.sites.map(({ clientCertificates }) => clientCertificates),
    [...modes, undefined],
  )
})

test('a site may have a name with underscores, as a container may', () => {
  const text = 'domain: r.example\nsites:\n  my_app.internal: { upstream: http://x }\n'
  const door = load({ flags: { config: write('underscore.yaml', text) } }).config.frontDoor
  assert.deepEqual(
    door?.sites.map(({ host }) => host),
    ['my_app.internal'],
  )
})

const WRONG_SITES = {
  'no host name': "'a b': { upstream: 'http://x' }",
  'an unknown word about client certificates':
    'a.example: { upstream: http://x, client-certificates: maybe }',
  'an unknown key': 'a.example: { upstrem: http://x }',
  'no target': 'a.example: { https: redirect }',
  'both targets': 'a.example: { upstream: http://x, files: /srv }',
  'a path in the URL': 'a.example: { upstream: http://x/y }',
  'mixed protocols': 'a.example: { upstream: [http://x, https://y] }',
  'a password in the URL': 'a.example: { upstream: http://u:p@x }',
}

test('a wrong site is refused by name', () => {
  for (const [what, line] of Object.entries(WRONG_SITES)) {
    const error = refusal({
      flags: { config: write('wrong.yaml', `domain: r.example\nsites:\n  ${line}\n`) },
    })
    assert.equal(error.code, 'VALUE_INVALID', what)
    assert.match(error.message, /^wrong\.yaml: sites/, what)
  }
  const faults = {
    'w.example: { upstrem: http://x }': ': w.example has keys that are not known here: upstrem',
    'w.example: { upstream: 10.0.0.5 }':
      ': w.example: upstream must be a server without a path, such as http://10.0.0.5:8080',
    'w.example: { upstream: http://x, paths: { /y: { upstream: [z] } } }':
      ': w.example: paths: /y: upstream: 0 must be a server without a path, such as http://10.0.0.5:8080',
  }
  for (const [line, fault] of Object.entries(faults)) {
    const flags = { config: write('wrong.yaml', `domain: r.example\nsites:\n  ${line}\n`) }
    assert.equal(refusal({ flags }).message, `wrong.yaml: sites${fault}`)
  }
})
