import assert from 'node:assert/strict'
import { createHmac, createPublicKey, randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { ROUTE_ACCESS } from '../../src/http/handlers/routes.ts'
import { hashContent } from '../../src/oci/digest.ts'
import { MEDIA_TYPES } from '../../src/oci/media-type.ts'
import type { OciRequestKind } from '../../src/oci/request.ts'
import type { Reply } from './connection.ts'
import { EMPTY_JSON, RegistryUnderTest, toImage, type User } from './registry-under-test.ts'

const ABSENT = `sha256:${'a'.repeat(64)}`
const NO_UPLOAD = 'A'.repeat(22)

/** A request of each kind, none of which changes anything; a new kind does not compile without one. */
const REQUESTS: Record<OciRequestKind, (repository: string) => readonly [method: string, path: string]> = {
  ping: () => ['GET', '/v2/'],
  catalog: () => ['GET', '/v2/_catalog'],
  'tag-list': (name) => ['GET', `/v2/${name}/tags/list`],
  'referrer-list': (name) => ['GET', `/v2/${name}/referrers/${ABSENT}`],
  'blob-get': (name) => ['GET', `/v2/${name}/blobs/${ABSENT}`],
  'blob-delete': (name) => ['DELETE', `/v2/${name}/blobs/${ABSENT}`],
  'manifest-get': (name) => ['GET', `/v2/${name}/manifests/none`],
  'manifest-put': (name) => ['PUT', `/v2/${name}/manifests/none`],
  'manifest-delete': (name) => ['DELETE', `/v2/${name}/manifests/none`],
  'blob-upload-start': (name) => ['POST', `/v2/${name}/blobs/uploads/?digest=${ABSENT}`],
  'blob-upload-status': (name) => ['GET', `/v2/${name}/blobs/uploads/${NO_UPLOAD}`],
  'blob-upload-append': (name) => ['PATCH', `/v2/${name}/blobs/uploads/${NO_UPLOAD}`],
  'blob-upload-finish': (name) => ['PUT', `/v2/${name}/blobs/uploads/${NO_UPLOAD}?digest=${ABSENT}`],
  'blob-upload-cancel': (name) => ['DELETE', `/v2/${name}/blobs/uploads/${NO_UPLOAD}`],
}
const KINDS = Object.keys(ROUTE_ACCESS) as OciRequestKind[]

/** The answer without members that may differ between two equivalent answers. */
function bare(reply: Reply): unknown {
  const { date: _date, 'x-request-id': _id, ...headers } = reply.headers
  return { status: reply.status, headers, text: reply.text }
}

function bearer(token: string): { headers: { authorization: string } } {
  return { headers: { authorization: `Bearer ${token}` } }
}

describe('who may do what', () => {
  let registry: RegistryUnderTest

  before(async () => {
    registry = await RegistryUnderTest.start()
    for (const blob of [EMPTY_JSON, "alice's layer"]) await registry.pushBlob('alice', 'alice/app', blob)
    const document = toImage(["alice's layer"])
    await registry.pushManifest('alice', 'alice/app', { document, reference: 'v1' })
  })
  after(() => registry[Symbol.asyncDispose]())

  for (const kind of KINDS) {
    const access = ROUTE_ACCESS[kind]
    const isAboutRepository = access !== 'ping' && access !== 'catalog'
    const [method, path] = REQUESTS[kind]('alice/app')
    const passed = (status: number): boolean => ![401, 403, 500].includes(status)

    test(`${kind}: a request without a log-in gets a challenge`, async () => {
      const reply = await registry.send(undefined, method, path)
      assert.deepEqual([reply.status, reply.code], [401, 'UNAUTHORIZED'])
      assert.match(
        String(reply.headers['www-authenticate']),
        /^Bearer realm="http:[^"]*\/token",service="[^"]+"/,
      )
    })

    test(`${kind}: owner and administrator pass`, async () => {
      for (const user of ['alice', 'admin'] as const) {
        const reply = await registry.send(user, method, path)
        assert.ok(passed(reply.status), `${user}: ${reply.status} ${reply.text}`)
      }
    })

    test(`${kind}: another user ${isAboutRepository ? 'is denied' : 'passes'}`, async () => {
      const reply = await registry.send('bob', method, path)
      if (isAboutRepository) assert.deepEqual([reply.status, reply.code], [403, 'DENIED'])
      else assert.equal(reply.status, 200)
    })

    if (!isAboutRepository) continue

    test(`${kind}: a name with an escaped slash is the same name`, async () => {
      const [, escaped] = REQUESTS[kind]('alice%2Fapp')
      for (const user of ['alice', 'bob'] as const) {
        const plain = await registry.send(user, method, path)
        assert.deepEqual(bare(await registry.send(user, method, escaped)), bare(plain))
      }
      const elsewhere = await registry.token('alice', 'repository:alice/b:*')
      assert.equal((await registry.send('alice', method, escaped, bearer(elsewhere))).status, 401)
    })

    test(`${kind}: a denial says where the account may do that`, async () => {
      const host = new URL(registry.url).host
      const [, elsewhere] = REQUESTS[kind]('top')
      const { text } = await registry.send('bob', method, elsewhere)
      const [error] = (JSON.parse(text || '{}') as { errors?: { message: string }[] }).errors ?? []
      const deed = { pull: 'pull from', push: 'push to', delete: 'delete in' }[access]
      assert.equal(error?.message, `bob has no right to ${deed} ${host}/top: bob may ${deed} ${host}/bob/...`)
    })

    test(`${kind}: a token needs the action ${access}, and that is enough`, async () => {
      const others = ['pull', 'push', 'delete'].filter((action) => action !== access)
      const wrong = await registry.token('alice', `repository:alice/app:${others}`, 'repository:alice/b:*')
      const refused = await registry.send('alice', method, path, bearer(wrong))
      assert.equal(refused.status, 401)
      const challenge = String(refused.headers['www-authenticate'])
      assert.match(challenge, /scope="repository:alice\/app:[a-z,]*"/)
      assert.match(challenge, /error="insufficient_scope"/)
      assert.ok(challenge.includes(access))
      const right = await registry.token('alice', `repository:alice/app:${access}`)
      const reply = await registry.send('alice', method, path, bearer(right))
      assert.ok(passed(reply.status), `${reply.status} ${reply.text}`)
    })

    test(`${kind}: a repository that is missing and one that is another's answer alike`, async () => {
      for (const user of ['bob', undefined] as const) {
        const answers = ['alice/app', 'alice/not'].map(async (name) => {
          const [method, path] = REQUESTS[kind](name)
          const reply = await registry.send(user, method, path)
          return JSON.parse(JSON.stringify(bare(reply)).replaceAll('alice/not', 'alice/app'))
        })
        const [held, missing] = await Promise.all(answers)
        assert.deepEqual(held, missing)
      }
    })
  }

  test("another's upload session, and one's own under another repository, is not found", async () => {
    const session = String(
      (await registry.send('alice', 'POST', '/v2/alice/app/blobs/uploads/')).headers.location,
    )
    const elsewhere = session.replace('alice/app', 'alice/other')
    for (const method of ['GET', 'PATCH', 'PUT', 'DELETE']) {
      const query = method === 'PUT' ? `?digest=${hashContent('x')}` : ''
      const body = method === 'PATCH' || method === 'PUT' ? { body: 'x' } : {}
      for (const [user, path] of [
        ['admin', session],
        ['alice', elsewhere],
      ] as [User, string][]) {
        const reply = await registry.send(user, method, path + query, body)
        assert.deepEqual([reply.status, reply.code], [404, 'BLOB_UPLOAD_UNKNOWN'], `${method} by ${user}`)
      }
      const denied = await registry.send('bob', method, session + query, body)
      assert.equal(denied.status, 403)
    }
    const status = await registry.send('alice', 'GET', session)
    assert.deepEqual([status.status, status.headers.range], [204, '0-0'])
    assert.equal((await registry.send('alice', 'DELETE', session)).status, 204)
  })

  test("a mount gives one's own blob, and never another's", async () => {
    const digest = hashContent("alice's layer")
    for (const from of ['&from=alice/app', '', '&from=bob/none', '&from=../x']) {
      const path = `/v2/bob/app/blobs/uploads/?mount=${digest}${from}`
      const reply = await registry.send('bob', 'POST', path)
      assert.equal(reply.status, 202, from)
      assert.equal((await registry.send('bob', 'DELETE', String(reply.headers.location))).status, 204)
    }
    assert.equal((await registry.send('bob', 'HEAD', `/v2/bob/app/blobs/${digest}`)).status, 404)
    for (const from of ['&from=alice/app', '']) {
      const path = `/v2/alice/mounted/blobs/uploads/?mount=${digest}${from}`
      const reply = await registry.send('alice', 'POST', path)
      assert.deepEqual([reply.status, reply.headers['docker-content-digest']], [201, digest])
    }
    assert.equal(
      (await registry.send('alice', 'GET', `/v2/alice/mounted/blobs/${digest}`)).text,
      "alice's layer",
    )
    assert.equal((await registry.send('alice', 'DELETE', `/v2/alice/mounted/blobs/${digest}`)).status, 202)
    assert.equal((await registry.send('alice', 'HEAD', `/v2/alice/mounted/blobs/${digest}`)).status, 404)
    assert.equal((await registry.send('alice', 'HEAD', `/v2/alice/app/blobs/${digest}`)).status, 200)
  })

  test('a token that is forged, cut, expired or of another registry is refused as invalid', async () => {
    const good = await registry.token('alice', 'repository:alice/app:pull')
    const path = '/v2/alice/app/manifests/v1'
    assert.equal((await registry.send(undefined, 'GET', path, bearer(good))).status, 200)
    await using stranger = await RegistryUnderTest.start()
    const foreign = await stranger.token('alice', 'repository:alice/app:pull')
    const jwks = (await registry.send(undefined, 'GET', '/.well-known/jwks.json')).json
    for (const [name, token] of Object.entries({ ...forgeries(good, jwks), foreign })) {
      const reply = await registry.send(undefined, 'GET', path, bearer(token))
      assert.deepEqual([reply.status, reply.code], [401, 'UNAUTHORIZED'], name)
      assert.match(String(reply.headers['www-authenticate']), /error="invalid_token"/, name)
    }
  })

  test('a disabled user is refused at once, by password, token and refresh token', async () => {
    const token = await registry.token('bob', 'repository:bob/app:pull')
    const offline = await registry.send('bob', 'GET', '/token?service=x&offline_token=true&client_id=test')
    const refresh = `grant_type=refresh_token&refresh_token=${offline.json.refresh_token}&service=x`
    const attempts = () =>
      Promise.all([
        registry.send('bob', 'GET', '/v2/'),
        registry.send(undefined, 'GET', '/v2/', bearer(token)),
        registry.send(undefined, 'POST', '/token', { body: refresh }),
      ])
    assert.deepEqual(
      (await attempts()).map((reply) => reply.status),
      [200, 200, 200],
    )
    await registry.manage((data) => data.accounts.setDisabled('bob', true))
    const [password, bearerReply, refreshed] = await attempts()
    assert.deepEqual([password?.status, bearerReply?.status, refreshed?.status], [401, 401, 401])
    assert.match(String(bearerReply?.headers['www-authenticate']), /error="invalid_token"/)
    await registry.manage((data) => data.accounts.setDisabled('bob', false))
  })

  test('the token endpoint: what it gives and what it refuses', async () => {
    const granted = async (user: User | undefined, scope: string) =>
      (await registry.send(user, 'GET', `/token?service=x&scope=${scope}`)).json
    const mine = await granted('alice', 'repository:alice/app:pull,push')
    assert.equal(mine.scope, 'repository:alice/app:pull,push')
    assert.equal(mine.token, mine.access_token)
    assert.equal(typeof mine.expires_in, 'number')
    assert.ok(!Number.isNaN(Date.parse(String(mine.issued_at))))
    assert.equal((await granted('bob', 'repository:alice/app:pull')).scope, '')
    const nobody = await granted(undefined, 'repository:alice/app:pull')
    assert.equal(nobody.scope, '')
    const asNobody = await registry.send(
      undefined,
      'GET',
      '/v2/alice/app/tags/list',
      bearer(String(nobody.token)),
    )
    assert.equal(asNobody.status, 401)

    const form = (fields: Record<string, string>) =>
      registry.send(undefined, 'POST', '/token', { body: String(new URLSearchParams(fields)) })
    const login = { grant_type: 'password', username: 'alice', service: 'x', client_id: 'test' }
    const password = registry.requirePassword('alice')
    const logged = await form({
      ...login,
      password,
      access_type: 'offline',
      scope: 'repository:alice/app:pull',
    })
    assert.equal(logged.json.scope, 'repository:alice/app:pull')
    const refresh_token = String(logged.json.refresh_token)
    const again = await form({
      grant_type: 'refresh_token',
      refresh_token,
      scope: 'repository:alice/app:push',
    })
    assert.deepEqual([again.status, again.json.scope], [200, 'repository:alice/app:push'])

    const wrong = randomBytes(16).toString('hex')
    const refusals: [string, Reply, number][] = [
      [
        'Basic',
        await registry.send(undefined, 'GET', '/token', {
          headers: { authorization: registry.basic('alice', wrong) },
        }),
        401,
      ],
      ['password', await form({ ...login, password: wrong }), 401],
      ['refresh token', await form({ grant_type: 'refresh_token', refresh_token: wrong }), 401],
      ['token for a token', await registry.send(undefined, 'GET', '/token', bearer(String(mine.token))), 401],
      ['grant', await form({ ...login, grant_type: 'device', password }), 400],
      [
        'form',
        await registry.send(undefined, 'POST', '/token', { body: `scope=${'x'.repeat(70_000)}` }),
        413,
      ],
      ['method', await registry.send('alice', 'PUT', '/token'), 405],
    ]
    for (const [name, reply, status] of refusals) {
      assert.equal(reply.status, status, name)
      assert.ok(reply.code, name)
      if (status === 401) assert.match(String(reply.headers['www-authenticate']), /^Basic realm=/, name)
    }
    const many = Array.from(
      { length: 200 },
      (_, i) => `scope=repository:alice/${'n'.repeat(80)}${i}:pull,push`,
    )
    assert.equal((await registry.send('alice', 'GET', `/token?${many.join('&')}`)).status, 200)
  })

  test('where deleting is off, nothing is deleted and the answer says so', async () => {
    await using fixed = await RegistryUnderTest.start({ 'delete-enabled': 'false' })
    await fixed.pushBlob('alice', 'alice/app', EMPTY_JSON)
    const digest = await fixed.pushManifest('alice', 'alice/app', { document: toImage([]), reference: 'v1' })
    const before = fixed.inventory()
    for (const path of ['manifests/v1', `manifests/${digest}`, `blobs/${hashContent(EMPTY_JSON)}`]) {
      const reply = await fixed.send('alice', 'DELETE', `/v2/alice/app/${path}`)
      assert.deepEqual([reply.status, reply.code], [405, 'UNSUPPORTED'])
    }
    assert.deepEqual(fixed.inventory(), before)
    const type = (await fixed.send('alice', 'HEAD', '/v2/alice/app/manifests/v1')).headers['content-type']
    assert.equal(type, MEDIA_TYPES.ociManifest)
  })
})

/** Tokens made of a good one, each wrong in one way. */
function forgeries(good: string, jwks: Record<string, unknown>): Record<string, string> {
  const [head = '', body = '', signature = ''] = good.split('.')
  const header = JSON.parse(Buffer.from(head, 'base64url').toString())
  const payload = JSON.parse(Buffer.from(body, 'base64url').toString())
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const withHeader = (more: object) => `${encode({ ...header, ...more })}.${body}.${signature}`
  const withPayload = (more: object) => `${head}.${encode({ ...payload, ...more })}.${signature}`
  const [key] = jwks.keys as Record<string, string>[]
  const pem = createPublicKey({ key: key ?? {}, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
  const unsigned = `${encode({ ...header, alg: 'HS256' })}.${body}`
  return {
    'alg none': `${encode({ ...header, alg: 'none' })}.${body}.`,
    'alg none with signature': withHeader({ alg: 'none' }),
    'public key as secret': `${unsigned}.${createHmac('sha256', pem).update(unsigned).digest('base64url')}`,
    'key in the header': withHeader({ jwk: key }),
    'x5u in the header': withHeader({ x5u: 'http://127.0.0.1:1/x' }),
    'x5c in the header': withHeader({ x5c: ['MIIB'] }),
    'jku in the header': withHeader({ jku: 'http://127.0.0.1:1/jwks' }),
    'another kid': withHeader({ kid: 'x' }),
    'another audience': withPayload({ aud: 'other' }),
    'another issuer': withPayload({ iss: 'other' }),
    'not yet valid': withPayload({ nbf: payload.nbf + 86_400 }),
    expired: withPayload({ exp: payload.iat - 86_400 }),
    truncated: good.slice(0, -10),
    'without a signature': `${head}.${body}`,
    garbage: 'x.y.z',
    long: 'a'.repeat(20_000),
  }
}
