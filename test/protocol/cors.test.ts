import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import type { Reply } from './connection.ts'
import { EMPTY_JSON, RegistryUnderTest } from './registry-under-test.ts'

const UI = 'https://ui.example.com'
const PATHS = [
  '/v2/',
  '/v2/_catalog',
  '/v2/alice/app/manifests/v1',
  '/v2/alice/app/blobs/uploads/',
  '/token',
  '/nothing',
]

function allowed(reply: Reply): unknown[] {
  return [
    reply.headers['access-control-allow-origin'],
    reply.headers['access-control-allow-credentials'],
    reply.headers.vary,
  ]
}

describe('pages of other origins', () => {
  let registry: RegistryUnderTest

  before(async () => {
    registry = await RegistryUnderTest.start({ 'cors-origins': `${UI}, http://localhost:8081` })
    await registry.pushBlob('alice', 'alice/app', EMPTY_JSON)
  })
  after(() => registry[Symbol.asyncDispose]())

  const preflight = (path: string, origin: string, method = 'DELETE'): Promise<Reply> =>
    registry.send(undefined, 'OPTIONS', path, {
      headers: {
        origin,
        'access-control-request-method': method,
        'access-control-request-headers': 'authorization',
      },
    })

  test('learn before any log-in what they may do, whatever the path', async () => {
    for (const path of PATHS) {
      const reply = await preflight(path, UI)
      assert.equal(reply.status, 204, path)
      assert.deepEqual(allowed(reply), [UI, 'true', 'Origin'])
      assert.match(String(reply.headers['access-control-allow-methods']), /\bDELETE\b/)
      assert.match(String(reply.headers['access-control-allow-headers']), /\bAuthorization\b/)
      assert.equal(reply.headers['www-authenticate'], undefined)
    }
  })

  test('read answers and refusals, where they are named', async () => {
    const headers = { origin: 'http://localhost:8081' }
    for (const user of ['alice', 'bob', undefined] as const) {
      const reply = await registry.send(user, 'GET', '/v2/alice/app/tags/list', {
        headers: user ? { ...headers, authorization: registry.basic(user) } : headers,
      })
      assert.deepEqual(allowed(reply), [headers.origin, 'true', 'Origin'], String(reply.status))
      assert.match(String(reply.headers['access-control-expose-headers']), /WWW-Authenticate/)
    }
  })

  test('read nothing where they are not, and a log-in is due for all but the question', async () => {
    for (const origin of [
      'https://evil.example',
      'https://ui.example.com.evil.example',
      'http://ui.example.com',
      'null',
    ]) {
      const answer = await preflight('/v2/', origin)
      assert.deepEqual([answer.status, ...allowed(answer)], [405, undefined, undefined, 'Origin'])
      const reply = await registry.send('alice', 'GET', '/v2/', {
        headers: { origin, authorization: registry.basic('alice') },
      })
      assert.deepEqual(allowed(reply), [undefined, undefined, 'Origin'])
    }
    for (const method of ['GET', 'OPTIONS']) {
      const reply = await registry.send(undefined, method, '/v2/', { headers: { origin: UI } })
      assert.ok([401, 405].includes(reply.status))
    }
  })
})

test('`*` never goes with credentials', async () => {
  await using registry = await RegistryUnderTest.start({ 'cors-origins': '*' })
  for (const origin of [UI, 'null']) {
    const reply = await registry.send(undefined, 'GET', '/v2/', { headers: { origin } })
    assert.deepEqual(allowed(reply), ['*', undefined, 'Origin'])
  }
})

test('without the setting nothing of this is answered', async () => {
  await using registry = await RegistryUnderTest.start()
  const reply = await registry.send(undefined, 'OPTIONS', '/v2/', {
    headers: { origin: UI, 'access-control-request-method': 'GET' },
  })
  assert.deepEqual([reply.status, ...allowed(reply)], [405, undefined, undefined, undefined])
})

test('the headers of a Distribution config.yml are answered', async () => {
  await using folder = await makeTempFolder('cors')
  const file = join(folder.path, 'config.yml')
  await writeFile(
    file,
    `version: 0.1
http:
  headers:
    X-Content-Type-Options: [nosniff]
    X-Frame-Options: [DENY]
    Access-Control-Allow-Origin: ['${UI}']
    Access-Control-Allow-Methods: ['HEAD', 'GET', 'OPTIONS', 'DELETE']
    Access-Control-Allow-Headers: ['Authorization', 'Accept', 'Cache-Control']
    Access-Control-Expose-Headers: ['Docker-Content-Digest']
`,
  )
  await using registry = await RegistryUnderTest.start({ config: file })
  const reply = await registry.send('alice', 'GET', '/v2/', {
    headers: { origin: UI, authorization: registry.basic('alice') },
  })
  assert.deepEqual(allowed(reply), [UI, 'true', 'Origin'])
  assert.deepEqual(
    [reply.headers['x-frame-options'], reply.headers['x-content-type-options']],
    ['DENY', 'nosniff'],
  )
})
