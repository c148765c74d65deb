import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { RequestOptions } from '../protocol/connection.ts'
import type { RegistryUnderTest } from '../protocol/registry-under-test.ts'
import { apiEngines } from './api-engines.ts'

const [sqlite] = apiEngines()

/** Requests that the frame refuses, whatever the route does. */
const REFUSED: readonly (readonly [
  what: string,
  method: string,
  path: string,
  status: number,
  code: string,
])[] = [
  ['no version', 'GET', '/api', 404, 'NOT_FOUND'],
  ['an unknown version', 'GET', '/api/v2/me', 404, 'NOT_FOUND'],
  ['a slash at the end', 'GET', '/api/v1/', 404, 'NOT_FOUND'],
  ['two slashes', 'GET', '/api/v1//me', 404, 'NOT_FOUND'],
  ['a segment of dots', 'GET', '/api/v1/./me', 404, 'NOT_FOUND'],
  ['two dots', 'GET', '/api/v1/repositories/../me', 404, 'NOT_FOUND'],
  ['a name with its slash unescaped', 'GET', '/api/v1/repositories/alice/app', 404, 'NOT_FOUND'],
  ['a broken escape', 'GET', '/api/v1/repositories/alice%2', 400, 'PATH_INVALID'],
  ['bytes that are no UTF-8', 'GET', '/api/v1/repositories/%FF', 400, 'PATH_INVALID'],
  ['an escaped letter in a name', 'GET', '/api/v1/users/%61dmin', 400, 'PATH_INVALID'],
  ['an escaped digit', 'GET', '/api/v1/repositories/alice%2Fapp/tags/v%31', 400, 'PATH_INVALID'],
  ['an escaped letter in a word of the API', 'GET', '/api/v1/%6De', 400, 'PATH_INVALID'],
  ['escaped dots', 'GET', '/api/v1/%2E/me', 400, 'PATH_INVALID'],
  ['a slash escaped with a small letter', 'GET', '/api/v1/repositories/alice%2fapp', 400, 'PATH_INVALID'],
  ['bytes escaped with small letters', 'GET', '/api/v1/users/%c3%A9', 400, 'PATH_INVALID'],
  ['a name twice escaped', 'GET', '/api/v1/repositories/alice%252Fapp', 400, 'NAME_INVALID'],
  ['a name with dots', 'GET', '/api/v1/repositories/alice%2F..%2Fbob', 400, 'NAME_INVALID'],
  ['a wrong method', 'PATCH', '/api/v1/me', 405, 'METHOD_NOT_ALLOWED'],
  ['an unknown parameter', 'GET', '/api/v1/me?verbose=1', 400, 'QUERY_INVALID'],
  ['a parameter twice', 'GET', '/api/v1/repositories?limit=1&limit=2', 400, 'QUERY_INVALID'],
  ['a page of none', 'GET', '/api/v1/repositories?limit=0', 400, 'QUERY_INVALID'],
  ['a page without a bound', 'GET', '/api/v1/repositories?limit=1001', 400, 'QUERY_INVALID'],
  ['a page of part of an entry', 'GET', '/api/v1/repositories?limit=1.5', 400, 'QUERY_INVALID'],
  ['a forged cursor', 'GET', '/api/v1/repositories?cursor=e30', 400, 'CURSOR_INVALID'],
  ['an unreadable cursor', 'GET', '/api/v1/repositories?cursor=%00', 400, 'CURSOR_INVALID'],
  ['a long cursor', 'GET', `/api/v1/repositories?cursor=${'a'.repeat(1_025)}`, 400, 'QUERY_INVALID'],
]

describe('the frame of the API', () => {
  let registry: RegistryUnderTest
  before(async () => {
    registry = await (sqlite ?? assert.fail()).start({ 'cors-origins': '*' })
  })
  after(() => registry[Symbol.asyncDispose]())

  const send = (method: string, path: string, options?: RequestOptions) =>
    registry.send('alice', method, path, options)

  for (const [what, method, path, status, code] of REFUSED) {
    test(`refuses ${what} as a problem`, async () => {
      const reply = await send(method, path)
      assert.equal(reply.status, status, reply.text)
      assert.equal(reply.headers['content-type'], 'application/problem+json')
      assert.equal(reply.headers['cache-control'], 'no-store')
      const { type, title, detail, requestId, ...rest } = reply.json
      assert.deepEqual(
        { type, code: rest.code, status: rest.status, requestId },
        { type: `urn:berth:error:${code}`, code, status, requestId: reply.headers['x-request-id'] },
      )
      assert.ok(typeof title === 'string' && title !== '' && typeof detail === 'string' && detail !== '')
    })
  }

  test('names the parameter that is wrong, and not its value', async () => {
    const { json, text } = await send('GET', '/api/v1/repositories?order=hunter2&secret=hunter2')
    assert.deepEqual((json.faults as { at: string }[]).map(({ at }) => at).toSorted(), ['order', 'secret'])
    assert.ok(!text.includes('hunter2'), text)
  })

  test('answers HEAD as GET without the body, and OPTIONS and 405 with the methods', async () => {
    const [get, head] = [await send('GET', '/api/v1/me'), await send('HEAD', '/api/v1/me')]
    const bare = ({ date: _date, 'x-request-id': _id, ...headers }: typeof get.headers): unknown => headers
    assert.deepEqual([head.status, bare(head.headers), head.text], [200, bare(get.headers), ''])
    const path = '/api/v1/repositories/alice%2Fapp'
    for (const [method, status] of [
      ['OPTIONS', 204],
      ['PUT', 405],
    ] as const) {
      const reply = await send(method, path)
      assert.deepEqual([reply.status, reply.headers.allow], [status, 'GET, HEAD, DELETE, OPTIONS'])
    }
  })

  test('lets pages of other origins neither read nor change anything', async () => {
    const preflight = await send('OPTIONS', '/api/v1/me', {
      headers: { origin: 'https://evil.test', 'access-control-request-method': 'DELETE' },
    })
    for (const reply of [
      preflight,
      await send('GET', '/api/v1/me', { headers: { origin: 'https://evil.test' } }),
    ])
      assert.ok(!Object.keys(reply.headers).some((name) => name.startsWith('access-control-')))
    for (const site of ['cross-site', 'same-site']) {
      const reply = await send('DELETE', '/api/v1/repositories/alice%2Fapp', {
        headers: { 'sec-fetch-site': site },
      })
      assert.deepEqual([reply.status, reply.json.code], [403, 'CROSS_SITE'])
    }
    assert.equal((await send('GET', '/api/v1/repositories/alice%2Fapp')).status, 200)
  })

  test('refuses changes with the origin of another site, and takes those of its own and of programs', async () => {
    const { host } = new URL(registry.url)
    const foreign = [
      'https://evil.test',
      'null',
      '',
      `https://${host}`,
      `http://${host}.evil.test`,
      'http://127.0.0.1',
    ]
    for (const origin of [...foreign, `${registry.url}, https://evil.test`]) {
      const headers = { origin }
      for (const [method, path] of [
        ['POST', '/api/v1/scrub/runs'],
        ['DELETE', '/api/v1/repositories/alice%2Fapp'],
      ] as const) {
        const reply = await registry.send('admin', method, path, { headers })
        assert.deepEqual([reply.status, reply.json.code], [403, 'CROSS_SITE'], origin)
      }
      assert.equal((await send('GET', '/api/v1/me', { headers })).status, 200)
    }
    for (const headers of [{ origin: registry.url }, {}]) {
      const reply = await registry.send('admin', 'POST', '/api/v1/scrub/runs', { headers })
      assert.ok(reply.status === 202 || reply.json.code === 'BUSY', reply.text)
    }
  })

  test('takes the origin of `public-url` as its own, and no other', async () => {
    await using named = await (sqlite ?? assert.fail()).start({
      'public-url': 'https://registry.example.test',
    })
    for (const [origin, refused] of [
      ['https://registry.example.test', false],
      [named.url, true],
    ] as const) {
      const reply = await named.send('admin', 'POST', '/api/v1/scrub/runs', { headers: { origin } })
      assert.equal(reply.status, refused ? 403 : 202, reply.text)
    }
  })

  test('takes a body as JSON only where it is declared so', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', '']) {
      const reply = await registry.send('admin', 'POST', '/api/v1/users', {
        headers: type === '' ? {} : { 'content-type': type },
        body: '{"name":"mallory","isAdmin":true}',
      })
      assert.deepEqual([reply.status, reply.json.code], [415, 'BODY_MEDIA_TYPE'], type)
    }
  })

  test('takes no cookie for a log-in', async () => {
    const reply = await registry.send(undefined, 'GET', '/api/v1/me', {
      headers: { cookie: 'session=anything; __Host-berth=anything' },
    })
    assert.equal(reply.status, 401)
  })

  test('writes requests to the log with the account, the repository and the code', async () => {
    const path = '/api/v1/repositories/alice%2Flogged'
    assert.equal((await send('GET', path)).status, 404)
    const line = registry.findAccessLine(path, 'GET')
    assert.deepEqual(
      [line?.who, line?.repository, line?.status, line?.error],
      ['alice', 'alice/logged', 404, 'NAME_UNKNOWN'],
    )
  })
})
