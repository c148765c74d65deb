import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { parseAccessDocument } from '../../src/access/document/parse-document.ts'
import { hashContent } from '../../src/oci/digest.ts'
import { EMPTY_JSON, RegistryUnderTest, toImage } from './registry-under-test.ts'

const LAYER = "alice's layer"
const DOCUMENT = {
  groups: { team: ['user:bob'] },
  rules: [
    { who: 'group:team', where: 'alice/shared', what: ['pull', 'create'] },
    { who: 'user:bob', where: 'top', what: ['pull', 'push'] },
  ],
  visibility: { 'alice/open/**': 'public', 'alice/open/not': 'private', 'alice/inner': 'internal' },
}
const REPOSITORIES = ['alice/open/app', 'alice/open/not', 'alice/inner', 'alice/shared', 'alice/own'] as const

describe('rules and visibility over HTTP', () => {
  let registry: RegistryUnderTest

  before(async () => {
    registry = await RegistryUnderTest.start()
    for (const name of REPOSITORIES) {
      for (const blob of [EMPTY_JSON, LAYER]) await registry.pushBlob('alice', name, blob)
      await registry.pushManifest('alice', name, { document: toImage([LAYER]), reference: 'v1' })
    }
    await registry.manage((data) => data.access.change(() => parseAccessDocument(DOCUMENT)))
  })
  after(() => registry[Symbol.asyncDispose]())

  const pull = async (user: 'alice' | 'bob' | undefined, name: string, headers = {}) =>
    (await registry.send(user, 'GET', `/v2/${name}/manifests/v1`, { headers })).status

  test('everyone pulls what is public, every account what is internal, and members what a rule allows', async () => {
    const found = Object.fromEntries(
      await Promise.all(
        REPOSITORIES.map(async (name) => [name, [await pull(undefined, name), await pull('bob', name)]]),
      ),
    )
    assert.deepEqual(found, {
      'alice/open/app': [200, 200],
      'alice/open/not': [401, 403],
      'alice/inner': [401, 200],
      'alice/shared': [401, 200],
      'alice/own': [401, 403],
    })
  })

  test('everything of a public image can be read without a log-in, and nothing of it changed', async () => {
    const digest = hashContent(LAYER)
    for (const [method, path] of [
      ['HEAD', 'manifests/v1'],
      ['GET', `blobs/${digest}`],
      ['GET', 'tags/list'],
      ['GET', `referrers/${digest}`],
    ] as const) {
      assert.equal((await registry.send(undefined, method, `/v2/alice/open/app/${path}`)).status, 200, path)
    }
    for (const [method, path] of [
      ['POST', 'blobs/uploads/'],
      ['PUT', 'manifests/v2'],
      ['DELETE', 'manifests/v1'],
      ['DELETE', `blobs/${digest}`],
    ] as const) {
      const reply = await registry.send(undefined, method, `/v2/alice/open/app/${path}`, { body: '{}' })
      assert.equal(reply.status, 401, path)
      assert.match(String(reply.headers['www-authenticate']), /^Bearer .*scope="repository:alice\/open\/app:/)
    }
  })

  test('an anonymous token covers what is public and nothing else, and the ping still has a challenge', async () => {
    const scopes = ['alice/open/app:pull,push', 'alice/own:pull'].map((scope) => `scope=repository:${scope}`)
    const reply = await registry.send(undefined, 'GET', `/token?service=x&${scopes.join('&')}`)
    assert.equal(reply.json.scope, 'repository:alice/open/app:pull')
    const headers = { authorization: `Bearer ${reply.json.token}` }
    assert.equal((await registry.send(undefined, 'GET', '/v2/')).status, 401)
    assert.equal((await registry.send(undefined, 'GET', '/v2/', { headers })).status, 200)
    assert.equal(await pull(undefined, 'alice/open/app', headers), 200)
    assert.equal(await pull(undefined, 'alice/own', headers), 401)
    const push = await registry.send(undefined, 'POST', '/v2/alice/open/app/blobs/uploads/', { headers })
    assert.match(String(push.headers['www-authenticate']), /error="insufficient_scope"/)
  })

  test('the catalog shows each caller what it may pull', async () => {
    const list = async (user: 'alice' | 'bob' | 'admin' | undefined, headers = {}) =>
      (await registry.send(user, 'GET', '/v2/_catalog', { headers })).json.repositories
    assert.deepEqual(await list('alice'), [...REPOSITORIES].toSorted())
    assert.deepEqual(await list('bob'), ['alice/inner', 'alice/open/app', 'alice/shared'])
    assert.deepEqual(await list('admin'), [...REPOSITORIES].toSorted())
    assert.equal((await registry.send(undefined, 'GET', '/v2/_catalog')).status, 401)
    const token = await registry.send(undefined, 'GET', '/token?service=x&scope=registry:catalog:*')
    const headers = { authorization: `Bearer ${token.json.token}` }
    assert.deepEqual(await list(undefined, headers), ['alice/open/app'])
    const paged = await registry.send('bob', 'GET', '/v2/_catalog?n=1&last=alice/inner')
    assert.deepEqual(paged.json.repositories, ['alice/open/app'])
  })

  test('a blob is mounted from what may be pulled, named or searched, and from nothing else', async () => {
    const digest = hashContent(LAYER)
    const mount = async (from: string) =>
      (await registry.send('bob', 'POST', `/v2/top/blobs/uploads/?mount=${digest}${from}`)).status
    assert.equal(await mount('&from=alice/own'), 201, 'found in another repository that bob may pull')
    await registry.manage((data) =>
      data.access.change(() =>
        parseAccessDocument({ rules: [{ who: 'user:bob', where: 'top', what: 'push' }] }),
      ),
    )
    for (const from of ['&from=alice/own', '&from=alice/open/app', ''])
      assert.equal(await mount(from), 202, from)
    await registry.manage((data) => data.access.change(() => parseAccessDocument(DOCUMENT)))
  })

  test('who may only create makes new tags, and moves none', async () => {
    const push = (reference: string, layers: string[]) =>
      registry.send('bob', 'PUT', `/v2/alice/shared/manifests/${reference}`, {
        body: JSON.stringify(toImage(layers)),
        headers: { 'content-type': 'application/vnd.oci.image.manifest.v1+json' },
      })
    assert.equal((await push('new', [])).status, 201)
    assert.equal((await push('v1', [LAYER])).status, 201, 'the same manifest again changes nothing')
    const refused = await push('v1', [])
    assert.deepEqual([refused.status, refused.code], [403, 'DENIED'])
    assert.match(refused.text, /v1 of alice\/shared exists, and bob has no right to overwrite/)
    assert.equal((await registry.send('bob', 'DELETE', '/v2/alice/shared/manifests/new')).status, 403)
  })

  test('a change counts with the next request, also of a token that was issued before', async () => {
    const token = await registry.token('bob', 'repository:alice/shared:pull,push')
    const headers = { authorization: `Bearer ${token}` }
    const start = async () =>
      (await registry.send(undefined, 'POST', '/v2/alice/shared/blobs/uploads/', { headers })).status
    assert.deepEqual([await pull(undefined, 'alice/shared', headers), await start()], [200, 202])
    await registry.manage((data) => data.access.change(() => parseAccessDocument({})))
    assert.deepEqual([await pull(undefined, 'alice/shared', headers), await start()], [403, 403])
    assert.equal(await pull(undefined, 'alice/open/app'), 401)
    await registry.manage((data) => data.access.change(() => parseAccessDocument(DOCUMENT)))
    assert.deepEqual([await pull(undefined, 'alice/shared', headers), await start()], [200, 202])
  })
})
