import assert from 'node:assert/strict'
import path from 'node:path'
import { after, test } from 'node:test'
import { openConfigRoom } from '../../../test/support/program/config-room.ts'
import { OPTION_LIST, variableOf } from '../options/options.ts'
import { describeConfig, formatAddress } from '../show/describe.ts'

const { folder, load, write, refusal, remove } = openConfigRoom('/work')
after(remove)

const CERTIFICATE = { REGISTRY_HTTP_TLS_CERTIFICATE: '/c.pem', REGISTRY_HTTP_TLS_KEY: '/k.pem' }

test('loadConfig() gives the documented defaults', () => {
  const { config, sources, warnings } = load()
  assert.deepEqual(config, {
    dataDir: '/work/berth-data',
    registryRoot: '/work/berth-data',
    database: { engine: 'sqlite' },
    listenHttp: { host: '127.0.0.1', port: 5000 },
    listenHttps: undefined,
    listenMetrics: undefined,
    monitoringTokenFile: undefined,
    traces: { endpoint: undefined, headersFile: undefined, sampleRatio: 0.1, serviceName: 'berth' },
    tls: undefined,
    insecureHttp: false,
    publicUrl: undefined,
    trustedProxies: [],
    audit: { days: 365, sizeMib: 1024, hasPulls: false },
    webhooks: [],
    outgoingNetworks: [],
    relativeUrls: true,
    corsOrigins: [],
    responseHeaders: [],
    deleteEnabled: true,
    sparseManifests: false,
    frontDoor: undefined,
    dockerHost: 'auto',
    htpasswdFile: undefined,
    ldap: undefined,
    adminPasswordFile: undefined,
    healthFile: undefined,
    weakHashes: false,
    authRealm: 'Berth',
    tokenLifetimeS: 300,
    uploadMaxAgeHours: 168,
    collect: true,
    collectRate: 100,
    keepDays: 14,
    retentionHours: 1,
    backup: { folder: undefined, everyHours: 24, atMinutes: 120, keep: 7 },
    scrubDays: 30,
    scrubRate: 8_388_608,
    sweepDays: 7,
    drainTimeoutS: 30,
    workers: 1,
    maxBlobBytes: 0,
    diskFloor: undefined,
    log: { level: 'info', format: 'json' },
  })
  assert.deepEqual(new Set(Object.values(sources)), new Set(['default']))
  assert.equal(Object.keys(sources).length, OPTION_LIST.length)
  assert.deepEqual(warnings, [])
})

test('loadConfig() logs text on a terminal', () => {
  assert.equal(load({ isTerminal: true }).config.log.format, 'text')
  assert.equal(load({ isTerminal: true, env: { BERTH_LOG_FORMAT: 'json' } }).config.log.format, 'json')
})

test('each place wins over the next: flag, BERTH_, berth.yaml, REGISTRY_, default', () => {
  const config = write('order.yaml', 'log-level: error\n')
  const flags: Record<string, unknown> = { 'log-level': 'debug', config }
  const env: Record<string, string> = { BERTH_LOG_LEVEL: 'warn', REGISTRY_LOG_LEVEL: 'debug' }
  const seen: string[] = []
  const note = () => {
    const loaded = load({ flags, env })
    seen.push(`${loaded.config.log.level} from ${loaded.sources['log-level']}`)
  }
  note()
  delete flags['log-level']
  note()
  delete env.BERTH_LOG_LEVEL
  note()
  delete flags.config
  note()
  delete env.REGISTRY_LOG_LEVEL
  note()
  assert.deepEqual(seen, [
    'debug from --log-level',
    'warn from BERTH_LOG_LEVEL',
    'error from order.yaml: log-level',
    'debug from REGISTRY_LOG_LEVEL',
    'info from default',
  ])
})

test("REGISTRY_ variables win over Distribution's config.yml", () => {
  const config = write('order.yml', 'version: 0.1\nlog:\n  level: warn\n')
  const fromFile = load({ flags: { config } })
  assert.equal(fromFile.config.log.level, 'warn')
  assert.equal(fromFile.sources['log-level'], 'order.yml: log.level')
  assert.equal(load({ flags: { config }, env: { REGISTRY_LOG_LEVEL: 'debug' } }).config.log.level, 'debug')
})

test('BERTH_CONFIG names the file, --config wins over it', () => {
  const one = write('one.yaml', 'auth-realm: One\n')
  const two = write('two.yaml', 'auth-realm: Two\n')
  assert.equal(load({ env: { BERTH_CONFIG: one } }).config.authRealm, 'One')
  assert.equal(load({ env: { BERTH_CONFIG: one }, flags: { config: two } }).config.authRealm, 'Two')
})

test('paths are relative to the working directory, in berth.yaml to its folder', () => {
  const config = write('paths.yaml', 'htpasswd-file: users\ndata: ./d\n')
  const loaded = load({ flags: { config }, env: { BERTH_DATA: 'elsewhere' } })
  assert.equal(loaded.config.htpasswdFile, path.join(folder, 'users'))
  assert.equal(loaded.config.dataDir, '/work/elsewhere')
})

test('a log of sites that ends with a slash is a folder, wherever it lies', () => {
  const siteLogOf = (target: string): string | undefined =>
    load({ flags: { domain: ['r.example'], 'site-log': target } }).config.frontDoor?.siteLog
  assert.deepEqual(['logs/', '/var/log/berth/', 'access.log', 'stdout', 'off'].map(siteLogOf), [
    '/work/logs/',
    '/var/log/berth/',
    '/work/access.log',
    'stdout',
    'off',
  ])
})

test('the data folder follows the registry root only if it is not given', () => {
  const root = { 'registry-root': '/srv/registry' }
  assert.equal(load({ flags: root }).config.dataDir, '/srv/registry/berth')
  const both = load({ flags: { ...root, data: '/srv/berth' } }).config
  assert.deepEqual([both.dataDir, both.registryRoot], ['/srv/berth', '/srv/registry'])
})

test('a certificate turns TLS on and plain HTTP off by default', () => {
  const tls = { 'tls-cert': 'c.pem', 'tls-key': 'k.pem' }
  const { config } = load({ flags: tls })
  assert.equal(config.listenHttp, undefined)
  assert.deepEqual(config.listenHttps, { host: '*', port: 443 })
  assert.deepEqual(config.tls, { certFile: '/work/c.pem', keyFile: '/work/k.pem' })
  const both = load({ flags: { ...tls, 'listen-http': ':80', 'listen-https': 'off' } }).config
  assert.deepEqual([formatAddress(both.listenHttp), formatAddress(both.listenHttps)], [':80', 'off'])
})

test('half a certificate and TLS without one are refused', () => {
  assert.match(refusal({ flags: { 'tls-cert': 'c' } }).message, /tls-cert is given without tls-key/)
  assert.match(refusal({ env: { BERTH_TLS_KEY: 'k' } }).message, /tls-key is given without tls-cert/)
  assert.equal(refusal({ flags: { 'listen-https': ':443' } }).code, 'VALUES_CONFLICT')
})

test('REGISTRY_HTTP_ADDR is the TLS address with a certificate, else the plain one', () => {
  const address = { REGISTRY_HTTP_ADDR: '0.0.0.0:5443' }
  const plain = load({ env: address }).config
  assert.deepEqual(
    [formatAddress(plain.listenHttp), formatAddress(plain.listenHttps)],
    ['0.0.0.0:5443', 'off'],
  )
  const tls = load({ env: { ...address, ...CERTIFICATE } }).config
  assert.deepEqual([formatAddress(tls.listenHttp), formatAddress(tls.listenHttps)], ['off', '0.0.0.0:5443'])
})

test('the REGISTRY_ variables of a usual docker run line are honoured', () => {
  const { config, warnings } = load({
    env: {
      ...CERTIFICATE,
      REGISTRY_STORAGE: 'filesystem',
      REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: '/var/lib/registry',
      REGISTRY_STORAGE_DELETE_ENABLED: 'false',
      REGISTRY_STORAGE_MAINTENANCE_UPLOADPURGING_AGE: '90m',
      REGISTRY_AUTH: 'htpasswd',
      REGISTRY_AUTH_HTPASSWD_PATH: '/auth/htpasswd',
      REGISTRY_AUTH_HTPASSWD_REALM: 'Registry Realm',
      REGISTRY_HTTP_HOST: 'https://registry.example.com',
      REGISTRY_HTTP_RELATIVEURLS: '"false"',
      REGISTRY_HTTP_DRAINTIMEOUT: '1m',
      REGISTRY_HTTP_NET: 'tcp',
      REGISTRY_LOG_LEVEL: 'warning',
      REGISTRY_LOG_FORMATTER: 'text',
      REGISTRY_VALIDATION_MANIFESTS_INDEXES_PLATFORMS: 'none',
    },
  })
  assert.deepEqual(warnings, [])
  assert.equal(config.registryRoot, '/var/lib/registry')
  assert.equal(config.dataDir, '/var/lib/registry/berth')
  assert.equal(config.deleteEnabled, false)
  assert.equal(config.uploadMaxAgeHours, 2)
  assert.equal(config.htpasswdFile, '/auth/htpasswd')
  assert.equal(config.authRealm, 'Registry Realm')
  assert.equal(config.publicUrl, 'https://registry.example.com')
  assert.equal(config.relativeUrls, false)
  assert.equal(config.drainTimeoutS, 60)
  assert.deepEqual(config.log, { level: 'warn', format: 'text' })
  assert.equal(config.sparseManifests, true)
})

test('other REGISTRY_ variables, and values without a meaning here, warn by name and never by value', () => {
  const { warnings, config } = load({
    env: {
      REGISTRY_HTTP_SECRET: 'canary-secret',
      REGISTRY_STORAGE: 's3',
      REGISTRY_LOG_FORMATTER: 'logstash',
      REGISTRY_PROXY_PASSWORD: 'canary-password',
      REGISTRY_HTTP_HEADERS_X: '[canary',
      REGISTRY_LOG_HOOKS: '',
    },
  })
  assert.deepEqual(warnings, [
    'The variable REGISTRY_HTTP_HEADERS_X has no meaning in Berth and is ignored',
    'The variable REGISTRY_HTTP_SECRET has no meaning in Berth and is ignored',
    'The variable REGISTRY_PROXY_PASSWORD has no meaning in Berth and is ignored: nothing is pulled from another registry',
    'REGISTRY_LOG_FORMATTER has a value that has no meaning in Berth and is ignored',
    'REGISTRY_STORAGE has a value that has no meaning in Berth and is ignored: blobs are kept as files below registry-root',
  ])
  assert.equal(config.log.format, 'json')
})

test("the config.yml of Distribution's image is read, with a warning for each section without a meaning", () => {
  const config = write(
    'config.yml',
    `version: 0.1
log:
  fields: { service: registry }
storage:
  cache: { blobdescriptor: inmemory }
  filesystem: { rootdirectory: /var/lib/registry }
  delete: { enabled: true }
http:
  addr: :5000
  headers: { X-Content-Type-Options: [nosniff] }
health:
  storagedriver: { enabled: true, interval: 10s, threshold: 3 }
`,
  )
  const loaded = load({ flags: { config } })
  assert.equal(loaded.config.registryRoot, '/var/lib/registry')
  assert.equal(formatAddress(loaded.config.listenHttp), ':5000')
  assert.equal(loaded.sources['listen-http'], 'config.yml: http.addr')
  assert.deepEqual(
    loaded.warnings.map((warning) => /"(.*)"/.exec(warning)?.[1]),
    ['log.fields', 'storage.cache', 'health.storagedriver'],
  )
  assert.deepEqual(loaded.config.responseHeaders, ['X-Content-Type-Options: nosniff'])
  assert.deepEqual(loaded.config.corsOrigins, [])
})

test('a REGISTRY_ value that has a meaning but is wrong is refused by name', () => {
  const error = refusal({ env: { REGISTRY_HTTP_ADDR: 'canary' } })
  assert.equal(error.code, 'VALUE_INVALID')
  assert.match(error.message, /^REGISTRY_HTTP_ADDR must be host:port/)
  assert.doesNotMatch(error.message, /canary/)
})

test('an unknown key of berth.yaml is an error with a suggestion', () => {
  const error = refusal({ flags: { config: write('typo.yaml', 'listn-http: ":80"\n') } })
  assert.equal(error.code, 'OPTION_UNKNOWN')
  assert.match(error.message, /typo\.yaml has the key "listn-http"/)
  assert.equal(error.remedy, 'Did you mean "listen-http"?')
})

test('an unknown BERTH_ variable is an error with a suggestion, one of Kubernetes is none', () => {
  const error = refusal({ env: { BERTH_LISTEN_HTPP: ':80' } })
  assert.equal(error.code, 'OPTION_UNKNOWN')
  assert.equal(error.remedy, 'Did you mean BERTH_LISTEN_HTTP?')
  load({
    env: { BERTH_SERVICE_HOST: '10.0.0.1', BERTH_PORT: 'tcp://10.0.0.1:443', BERTH_PORT_443_TCP_ADDR: 'x' },
  })
})

test('an empty variable counts as not given', () => {
  assert.equal(load({ env: { BERTH_TOKEN_LIFETIME: '', REGISTRY_LOG_LEVEL: '' } }).config.tokenLifetimeS, 300)
})

test('a file that is missing, no YAML, or no mapping is refused', () => {
  const code = (config: string) => refusal({ flags: { config } }).code
  assert.equal(code(path.join(folder, 'missing.yaml')), 'CONFIG_UNREADABLE')
  assert.equal(code(folder), 'CONFIG_UNREADABLE')
  assert.equal(code(write('broken.yaml', 'a: [1\n')), 'CONFIG_INVALID')
  assert.equal(code(write('list.yaml', '- a\n')), 'CONFIG_INVALID')
  assert.equal(code(write('alias.yaml', 'data: *nowhere\n')), 'CONFIG_INVALID')
  assert.equal(load({ flags: { config: write('empty.yaml', '# nothing\n') } }).config.authRealm, 'Berth')
})

test('each wrong value is refused with the name of its place', () => {
  for (const { name, isFileOnly } of OPTION_LIST) {
    if (isFileOnly) continue
    const error = refusal({ env: { [variableOf(name)]: '\u0007"' } })
    assert.equal(error.code, 'VALUE_INVALID')
    assert.ok(error.message.startsWith(variableOf(name)), error.message)
  }
})

test('the configuration is frozen, inside too', () => {
  const { config } = load({ flags: { 'trusted-proxies': '10.0.0.0/8' } })
  assert.throws(() => Object.assign(config.log, { level: 'debug' }), TypeError)
  assert.throws(() => (config.trustedProxies as string[]).push('::/0'), TypeError)
})

test('describeConfig() shows effective values with their sources', () => {
  const described = describeConfig(load({ flags: { 'listen-http': '[::1]:80' } }))
  assert.equal(described.length, OPTION_LIST.length)
  assert.deepEqual(described[6], { name: 'listen-http', value: '[::1]:80', source: '--listen-http' })
  assert.deepEqual(described[7], { name: 'listen-https', value: 'off', source: 'default' })
})
