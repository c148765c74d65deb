import assert from 'node:assert/strict'
import { test } from 'node:test'
import { webhooks } from '../values/notifications.ts'
import { readDistributionFile, readRegistryVariables } from './distribution.ts'

test('what follows from a setting of Distribution that is ignored is said where one would count on it', () => {
  const content = {
    version: 0.1,
    storage: { s3: { bucket: 'canary-bucket' }, maintenance: { readonly: { enabled: true } } },
    auth: { token: { realm: 'https://canary.test' } },
    proxy: { remoteurl: 'https://canary.test' },
    notifications: { endpoints: [{ url: 'https://canary.test' }] },
    health: { storagedriver: { enabled: true } },
  }
  const { warnings } = readDistributionFile({ kind: 'distribution', path: '/config.yml', content }, '/')
  assert.deepEqual(warnings.map((warning) => /ignored(.*)$/.exec(warning)?.[1]).sort(), [
    '',
    ': Berth has accounts and issues tokens of its own',
    ': blobs are kept as files below registry-root',
    ': nobody is notified',
    ': nothing is pulled from another registry',
    ': pushes and deletes are taken',
  ])
  assert.doesNotMatch(warnings.join(''), /canary/)

  const variables = readRegistryVariables(
    { REGISTRY_AUTH: 'token', REGISTRY_STORAGE_MAINTENANCE_READONLY: '{}' },
    '/',
  )
  assert.deepEqual([...variables.warnings].sort(), [
    'REGISTRY_AUTH has a value that has no meaning in Berth and is ignored: Berth has accounts and issues tokens of its own',
    'The variable REGISTRY_STORAGE_MAINTENANCE_READONLY has no meaning in Berth and is ignored: pushes and deletes are taken',
  ])
})

test("the address of Distribution's metrics counts if they are enabled", () => {
  const read = (debug: object) => {
    const content = { version: 0.1, http: { debug } }
    return readDistributionFile({ kind: 'distribution', path: '/config.yml', content }, '/')
  }
  const on = read({ addr: ':5001', prometheus: { enabled: true, path: '/metrics' } })
  assert.deepEqual(on.warnings, [])
  assert.deepEqual(
    on.found.map(({ option, value }) => [option, value]),
    [['listen-metrics', ':5001']],
  )
  for (const off of [{ addr: ':5001' }, { addr: ':5001', prometheus: { enabled: false } }]) {
    const { found, warnings } = read(off)
    assert.deepEqual(found, [])
    assert.match(warnings.join(), /addr has no meaning .*together with http\.debug\.prometheus\.enabled/)
  }
  const moved = read({ addr: ':5001', prometheus: { enabled: true, path: '/figures' } })
  assert.match(moved.warnings.join(), /path has a value .*: the metrics are at \/metrics$/)
})

test("the file of Distribution's health check counts if it is the only one", () => {
  const read = (health: object) =>
    readDistributionFile(
      { kind: 'distribution', path: '/config.yml', content: { version: 0.1, health } },
      '/',
    )
  const { found, warnings } = read({ file: [{ file: '/run/out', interval: '10s' }] })
  assert.deepEqual(
    [found.map(({ option, value }) => [option, value]), warnings],
    [[['health-file', '/run/out']], []],
  )
  for (const file of [[{ file: '/a' }, { file: '/b' }], [], 'text', [null]]) {
    assert.deepEqual([read({ file }).found, read({ file }).warnings.length], [[], 1])
  }
})

test('the endpoints of notifications become webhooks with the envelope of Distribution', () => {
  const endpoints = [
    {
      name: 'deploy',
      url: 'https://hook.test/in',
      headers: { Authorization: ['Bearer canary'] },
      timeout: '500ms',
      threshold: 5,
      backoff: '1s',
      ignoredmediatypes: ['application/octet-stream'],
      ignore: { actions: ['pull', 'mount', 'delete'] },
    },
    { name: 'off', url: 'https://off.test', disabled: true },
    { name: 'nanoseconds', url: 'http://plain.test', timeout: 2_000_000_000 },
  ]
  const content = { version: 0.1, notifications: { endpoints, events: { includereferences: true } } }
  const { found, warnings } = readDistributionFile(
    { kind: 'distribution', path: '/config.yml', content },
    '/',
  )
  assert.match(warnings.join(), /"notifications\.events" .* names one tag/)
  assert.doesNotMatch(warnings.join(), /canary/)
  const [{ option, value } = assert.fail()] = found
  assert.equal(option, 'webhooks')
  const [deploy, nanoseconds, ...more] = webhooks.parse(value)
  assert.deepEqual(more, [])
  assert.deepEqual(deploy, {
    name: 'deploy',
    url: 'https://hook.test/in',
    format: 'distribution',
    repositories: ['**'],
    actions: ['manifest.push', 'manifest.restore', 'tag.restore', 'repository.restore'],
    ignoredMediaTypes: ['application/octet-stream'],
    headers: { Authorization: 'Bearer canary' },
    timeoutMs: 500,
  })
  assert.equal(nanoseconds?.timeoutMs, 2_000)
})
