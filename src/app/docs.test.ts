import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { loadConfig } from '../config/load/load-config.ts'
import { OPTION_LIST } from '../config/options/options.ts'
import { FOREIGN_VARIABLES } from '../config/sources/foreign-variables.ts'
import { KNOWN_LABELS } from '../front-door/docker/declare/site-settings.ts'
import { VARIABLES } from '../front-door/docker/facts/container-facts.ts'

const PAGE = readFileSync(new URL('../../docs/coming-from-nginx-proxy.md', import.meta.url), 'utf8')

/** Settings that nginx-proxy 1.11 and acme-companion 2.8 read, by place. */
const READ_BY_THEM = {
  'In the environment of nginx-proxy': [
    ...['ACME_HTTP_CHALLENGE_ACCEPT_UNKNOWN_HOST', 'ACME_HTTP_CHALLENGE_LOCATION', 'DEBUG_ENDPOINT'],
    ...['DEFAULT_HOST', 'DEFAULT_ROOT', 'DHPARAM_BITS', 'DHPARAM_SKIP', 'DISABLE_ACCESS_LOGS'],
    ...['DOCKER_CERT_PATH', 'DOCKER_CONTAINER_FILTERS', 'DOCKER_HOST', 'DOCKER_TLS_VERIFY', 'ENABLE_HTTP2'],
    ...['ENABLE_HTTP3', 'ENABLE_HTTP_ON_MISSING_CERT', 'ENABLE_IPV6', 'ENABLE_PROXY_PROTOCOL'],
    ...['EXTERNAL_HTTPS_PORT', 'EXTERNAL_HTTP_PORT', 'HSTS', 'HTTPS_METHOD', 'HTTPS_PORT', 'HTTP_PORT'],
    ...['LOG_FORMAT', 'LOG_FORMAT_ESCAPE', 'LOG_JSON', 'NGINX_CONTAINER_LABEL', 'NON_GET_REDIRECT'],
    ...['NO_COLOR', 'PREFER_IPV6_NETWORK', 'RESOLVERS', 'SERVER_TOKENS', 'SHA1_UPSTREAM_NAME', 'SSL_POLICY'],
    ...['TRUST_DEFAULT_CERT', 'TRUST_DOWNSTREAM_PROXY'],
  ],
  'In the environment of acme-companion': [
    ...['ACMESH_DNS_API_CONFIG', 'ACME_CA_URI', 'ACME_CERT_PROFILE', 'ACME_CHALLENGE', 'ACME_EAB_HMAC_KEY'],
    ...['ACME_EAB_KID', 'ACME_HTTP_CHALLENGE_LOCATION', 'ACME_POST_HOOK', 'ACME_PRE_HOOK'],
    ...['ACME_RENEW_AFTER', 'CA_BUNDLE', 'CERTS_UPDATE_INTERVAL', 'CREATE_DEFAULT_CERTIFICATE', 'DEBUG'],
    ...['DEFAULT_EMAIL', 'DEFAULT_KEY_SIZE', 'DEFAULT_RENEW', 'DHPARAM_BITS', 'DHPARAM_SKIP'],
    ...['DOCKER_CERT_PATH', 'DOCKER_CONTAINER_FILTERS', 'DOCKER_HOST', 'DOCKER_TLS_VERIFY', 'ENABLE_IPV6'],
    ...['FILES_GID', 'FILES_PERMS', 'FILES_UID', 'FOLDERS_PERMS', 'NGINX_DOCKER_GEN_CONTAINER'],
    ...['NGINX_PROXY_CONTAINER', 'RELOAD_NGINX_ONLY_ONCE', 'RENEW_PRIVATE_KEYS', 'ZEROSSL_API_KEY'],
  ],
  'In the environment of a container': [
    ...['ACMESH_DNS_API_CONFIG', 'ACME_CA_URI', 'ACME_CERT_PROFILE', 'ACME_CHALLENGE', 'ACME_EAB_HMAC_KEY'],
    ...['ACME_EAB_KID', 'ACME_EMAIL', 'ACME_HOST', 'ACME_KEYSIZE', 'ACME_OCSP', 'ACME_POST_HOOK'],
    ...['ACME_PREFERRED_CHAIN', 'ACME_PRE_HOOK', 'ACME_RENEW_AFTER', 'ACME_RENEW_PRIVATE_KEYS'],
    ...['ACME_RESTART_CONTAINER', 'ACME_SINGLE_DOMAIN_CERTS', 'CERT_NAME', 'ENABLE_HTTP_ON_MISSING_CERT'],
    ...['EXTERNAL_HTTPS_PORT', 'EXTERNAL_HTTP_PORT', 'HSTS', 'HTTPS_METHOD', 'LETSENCRYPT_EMAIL'],
    ...['LETSENCRYPT_HOST', 'LETSENCRYPT_KEYSIZE', 'LETSENCRYPT_RESTART_CONTAINER'],
    ...['LETSENCRYPT_SINGLE_DOMAIN_CERTS', 'LETSENCRYPT_TEST', 'NETWORK_ACCESS', 'NON_GET_REDIRECT'],
    ...['SERVER_TOKENS', 'SSL_POLICY', 'VIRTUAL_DEST', 'VIRTUAL_HOST', 'VIRTUAL_HOST_MULTIPORTS'],
    ...['VIRTUAL_PATH', 'VIRTUAL_PORT', 'VIRTUAL_PROTO', 'VIRTUAL_ROOT', 'ZEROSSL_API_KEY'],
  ],
  Labels: [
    ...['debug-endpoint', 'docker-gen', 'http2.enable', 'http3.enable', 'keepalive', 'loadbalance', 'nginx'],
    ...['non-get-redirect', 'ssl_verify_client', 'trust-default-cert'],
  ],
} as const

type Section = keyof typeof READ_BY_THEM

const ENVIRONMENTS = [
  'In the environment of nginx-proxy',
  'In the environment of acme-companion',
] as const satisfies readonly Section[]

/** The rows of a section, by each name in their first cell. */
function readRows(section: Section | 'Files'): Map<string, string> {
  const [, body = ''] = new RegExp(`### ${section}\n(.*?)\n(?:### |<!-- /)`, 's').exec(PAGE) ?? []
  const rows = body.split('\n').filter((line) => /^\| `/.test(line))
  return new Map(
    rows.flatMap((row) => {
      const [names = '', outcome = ''] = row.slice(2).split(' | ')
      return [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => [name ?? '', outcome] as const)
    }),
  )
}

function sorted(names: Iterable<string>): string[] {
  return [...names].sort()
}

/** A value with an effect. */
const VALUES: Readonly<Record<string, string>> = {
  ACME_CA_URI: 'https://ca.example.com/directory',
  ACME_CHALLENGE: 'TLS-ALPN-01',
  ACME_EAB_HMAC_KEY: 'c2VjcmV0',
  DEFAULT_HOST: 'www.example.com',
  DEFAULT_KEY_SIZE: '2048',
  DEFAULT_ROOT: '301 https://example.com/',
  DOCKER_HOST: 'unix:///run/other.sock',
  ENABLE_HTTP2: 'false',
  ENABLE_HTTP_ON_MISSING_CERT: 'false',
  EXTERNAL_HTTPS_PORT: '8443',
  EXTERNAL_HTTP_PORT: '8080',
  HTTPS_METHOD: 'nohttp',
  HTTPS_PORT: '8443',
  HTTP_PORT: '8080',
  NON_GET_REDIRECT: '307',
  RENEW_PRIVATE_KEYS: 'false',
  SSL_POLICY: 'Mozilla-Modern',
  TRUST_DEFAULT_CERT: 'false',
}
/** Variables that have to be set with a variable. */
const COMPANIONS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ACME_EAB_HMAC_KEY: { ACME_EAB_KID: 'kid' },
  ACME_EAB_KID: { ACME_EAB_HMAC_KEY: 'c2VjcmV0' },
}

function load(env: Readonly<Record<string, string>>) {
  return loadConfig({ flags: { domain: 'r.example' }, env, cwd: '/' })
}

for (const section of Object.keys(READ_BY_THEM) as Section[]) {
  test(`docs/coming-from-nginx-proxy.md says of all there are, and of no others: ${section}`, () => {
    assert.deepEqual(sorted(readRows(section).keys()), sorted(READ_BY_THEM[section]))
  })
}

test('each outcome is one of the words that the tests below compare', () => {
  for (const section of [...(Object.keys(READ_BY_THEM) as Section[]), 'Files'] as const) {
    for (const [name, outcome] of readRows(section))
      assert.match(outcome, /^(?:setting `|read\b|warns\b|no effect: |not done, |not read: |`site-log)/, name)
  }
})

for (const section of ENVIRONMENTS) {
  for (const [name, outcome] of readRows(section)) {
    test(`${name} does in Berth's environment what the page says: ${outcome.replace(/ \|$/, '')}`, () => {
      const { sources, warnings } = load({ [name]: VALUES[name] ?? 'true', ...COMPANIONS[name] })
      const [, words = ''] = /^setting ((?:`[a-z0-9-]+`(?: and )?)+)/.exec(outcome) ?? []
      const settings = [...words.matchAll(/`([^`]+)`/g)].map(([, setting]) => setting ?? '')
      const changed = OPTION_LIST.filter((option) => sources[option.name] === name).map((each) => each.name)
      assert.deepEqual(sorted(changed), sorted(settings))
      const isWarned = warnings.some((warning) => warning.includes(name))
      assert.equal(isWarned, /\bwarns\b/.test(outcome), warnings.join('\n'))
    })
  }
}

test('each variable that a setting or a warning is made of is in the page', () => {
  const listed = new Set(ENVIRONMENTS.flatMap((section) => [...readRows(section).keys()]))
  // `VIRTUAL_HOST` of Berth's own container is the name of the registry.
  const read = OPTION_LIST.flatMap(({ replaces }) => replaces ?? []).filter((name) => name !== 'VIRTUAL_HOST')
  for (const name of [...read, ...Object.keys(FOREIGN_VARIABLES)]) assert.ok(listed.has(name), name)
})

test('the variables and labels of containers that the page calls read are those that are', () => {
  const isRead = ([, outcome]: readonly [string, string]): boolean => !outcome.startsWith('no effect')
  const variables = [...readRows('In the environment of a container')].filter(isRead).map(([name]) => name)
  assert.deepEqual(sorted(variables), sorted(VARIABLES))
  assert.deepEqual(sorted(readRows('Labels').keys()), sorted(KNOWN_LABELS))
})

test('a file that the page calls not read is named nowhere in the sources, and one that it calls read is', () => {
  const files = globSync('src/**/*.ts', { cwd: new URL('../../', import.meta.url) })
  const sources = files
    .filter((file) => !file.endsWith('.test.ts'))
    .map((file) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8'))
    .join('\n')
  const rows = readRows('Files')
  for (const [file, word] of [
    ['/etc/nginx/proxy.conf', 'proxy.conf'],
    ['/etc/nginx/network_internal.conf', 'network_internal.conf'],
    ['/usr/share/nginx/html/errors/50x.html', '50x.html'],
    ['/usr/share/nginx/html/.well-known/acme-challenge/', '/usr/share/nginx/html/.well-known'],
    ['/etc/nginx/toplevel.conf.d/*.conf', 'toplevel.conf.d'],
    ['/tmp/docker.sock', '/tmp/docker.sock'],
  ] as const) {
    assert.ok(rows.has(file), file)
    const isRead = sources.includes(`${word}'`) || sources.includes(`${word}/`)
    assert.equal(!rows.get(file)?.startsWith('not read'), isRead, `the row of ${file} is to be changed`)
  }
})
