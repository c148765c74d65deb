import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Reply } from './connection.ts'
import { EMPTY_JSON, RegistryUnderTest, toImage, type User } from './registry-under-test.ts'

function bearer(token: string): { headers: { authorization: string } } {
  return { headers: { authorization: `Bearer ${token}` } }
}

/** Requests that name no repository, or two: `access.test.ts` has those that name one. */
describe('what a token was issued for', () => {
  let registry: RegistryUnderTest

  before(async () => {
    registry = await RegistryUnderTest.start()
    await registry.pushBlob('alice', 'alice/app', EMPTY_JSON)
    await registry.pushManifest('alice', 'alice/app', { document: toImage([]), reference: 'v1' })
  })
  after(() => registry[Symbol.asyncDispose]())

  test('catalog: a token needs the scope of the challenge, and lists no more than its account may pull', async () => {
    const list = async (user: User, ...scopes: string[]) =>
      registry.send(undefined, 'GET', '/v2/_catalog', bearer(await registry.token(user, ...scopes)))
    for (const scopes of [[], ['repository:alice/app:*'], ['registry:catalog:pull']]) {
      const refused = await list('alice', ...scopes)
      assert.deepEqual([refused.status, refused.code], [401, 'UNAUTHORIZED'])
      const challenge = String(refused.headers['www-authenticate'])
      assert.ok(challenge.endsWith('scope="registry:catalog:*",error="insufficient_scope"'), challenge)
    }
    const names = ['admin', 'alice', 'bob'].map(
      async (user) => (await list(user as User, 'registry:catalog:*')).json.repositories,
    )
    assert.deepEqual(await Promise.all(names), [['alice/app'], ['alice/app'], []])
    const nobody = await registry.send('alice', 'GET', '/token?service=x&scope=registry:catalog:*', {
      headers: { authorization: undefined },
    })
    assert.deepEqual([nobody.status, nobody.json.scope], [200, ''])
  })

  test('a mount by token takes blobs only from what that may pull, unless it was issued for more', async () => {
    const digest = await registry.pushBlob('alice', 'alice/base', 'to be shared')
    const push = 'repository:alice/by-token:pull,push'
    const mount = async (from: string, ...scopes: string[]) => {
      const path = `/v2/alice/by-token/blobs/uploads/?mount=${digest}${from}`
      const reply = await registry.send(
        undefined,
        'POST',
        path,
        bearer(await registry.token('alice', ...scopes)),
      )
      if (reply.status === 202) await registry.send('alice', 'DELETE', String(reply.headers.location))
      return reply
    }
    const scopeOf = (reply: Reply): string | undefined =>
      /scope="([^"]*)"/.exec(String(reply.headers['www-authenticate']))?.[1]

    for (const from of ['', '&from=bob/none', '&from=../x', '&from=alice/by-token']) {
      assert.equal((await mount(from, push)).status, 202, `nothing is found: ${from}`)
    }
    const refused = await mount('&from=alice/base', push)
    assert.deepEqual([refused.status, refused.code], [401, 'UNAUTHORIZED'])
    assert.match(String(refused.headers['www-authenticate']), /error="insufficient_scope"/)
    assert.equal(scopeOf(refused), `${push} repository:alice/base:pull`)
    assert.equal((await mount('&from=alice/base', ...(scopeOf(refused) ?? '').split(' '))).status, 201)
    assert.equal((await registry.send('alice', 'DELETE', `/v2/alice/by-token/blobs/${digest}`)).status, 202)
    assert.equal((await mount('', push, 'repository:alice/base:pull')).status, 201)
    assert.equal((await registry.send('alice', 'DELETE', `/v2/alice/by-token/blobs/${digest}`)).status, 202)

    const path = `/v2/alice/by-token/blobs/uploads/?mount=${digest}`
    const unnamed = scopeOf(await registry.send(undefined, 'POST', path)) ?? ''
    assert.equal(unnamed, `${push} registry:blobs:mount`)
    assert.equal((await mount('', unnamed)).status, 201)
    const bobs = await registry.token('bob', 'repository:bob/app:pull,push', 'registry:blobs:mount')
    const bob = await registry.send(undefined, 'POST', path.replace('alice', 'bob'), bearer(bobs))
    assert.equal(bob.status, 401)
    const inOwn = await registry.send(
      undefined,
      'POST',
      path.replace('alice/by-token', 'bob/app'),
      bearer(bobs),
    )
    assert.equal(inOwn.status, 202, "another's blob is not found")
  })
})
