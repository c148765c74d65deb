import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Reply } from '../../../test/protocol/connection.ts'
import { type HttpSurface, openHttpSurface } from '../../../test/support/registry/http-surface.ts'

const SCOPE = 'repository:alice/app:pull,push'

describe('/token', () => {
  let surface: HttpSurface

  before(async () => {
    surface = await openHttpSurface()
  })
  after(() => surface[Symbol.asyncDispose]())

  const post = (form: Record<string, string>): Promise<Reply> =>
    surface.send(undefined, 'POST', '/token', {
      body: String(new URLSearchParams(form)),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    })
  const isAccepted = async ({ json }: Reply): Promise<boolean> => {
    const headers = { authorization: `Bearer ${json.token}` }
    return (await surface.send(undefined, 'GET', '/v2/', { headers })).status === 200
  }

  test('GET gives a token for what the account may do of what is requested', async () => {
    const asked = `${SCOPE} repository:bob/app:pull registry:catalog:*`
    const reply = await surface.send('alice', 'GET', `/token?${new URLSearchParams({ scope: asked })}`)
    assert.deepEqual([reply.status, reply.json.scope], [200, `registry:catalog:* ${SCOPE}`])
    assert.deepEqual([reply.json.expires_in, reply.json.token], [300, reply.json.access_token])
    assert.equal(reply.json.refresh_token, undefined)
    assert.equal(reply.headers['cache-control'], 'no-store')
    assert.equal(reply.headers['www-authenticate'], undefined)
    assert.ok(await isAccepted(reply))
  })

  test('GET without credentials gives a token that allows nothing', async () => {
    const reply = await surface.send(undefined, 'GET', `/token?scope=${SCOPE}`)
    assert.deepEqual([reply.status, reply.json.scope], [200, ''])
    assert.ok(!(await isAccepted(reply)))
  })

  test('GET refuses wrong credentials, and a token in place of a password', async () => {
    const { json } = await surface.send('alice', 'GET', `/token?scope=${SCOPE}`)
    const wrong = [
      `Basic ${Buffer.from('alice:wrong').toString('base64')}`,
      'Basic !',
      `Bearer ${json.token}`,
      'Bearer x',
    ]
    for (const authorization of wrong) {
      const reply = await surface.send(undefined, 'GET', '/token', { headers: { authorization } })
      assert.deepEqual([reply.status, reply.code], [401, 'UNAUTHORIZED'], authorization)
      assert.equal(reply.headers['www-authenticate'], 'Basic realm="test"')
    }
  })

  test('POST with a password gives a refresh token where it is requested, which is good for further tokens', async () => {
    const login = { grant_type: 'password', username: 'alice', password: 'alice', scope: SCOPE }
    assert.equal((await post(login)).json.refresh_token, undefined)
    const first = await post({ ...login, access_type: 'offline', client_id: 'test' })
    assert.deepEqual([first.status, first.json.scope], [200, SCOPE])
    const refresh = String(first.json.refresh_token)
    const next = await post({ grant_type: 'refresh_token', refresh_token: refresh, scope: SCOPE })
    assert.deepEqual([next.status, next.json.scope], [200, SCOPE])
    assert.notEqual(next.json.refresh_token, refresh)
    assert.ok(await isAccepted(next))
  })

  test('a refresh token and an access token end with the version of their account', async () => {
    surface.accounts.set({ name: 'dave', version: '1' }, 'dave')
    const login = { grant_type: 'password', username: 'dave', password: 'dave', access_type: 'offline' }
    const before = await post(login)
    assert.ok(await isAccepted(before))
    surface.accounts.set({ name: 'dave', version: '2' }, 'dave')
    assert.ok(!(await isAccepted(before)))
    const refresh = String(before.json.refresh_token)
    assert.equal((await post({ grant_type: 'refresh_token', refresh_token: refresh })).status, 401)
    surface.accounts.set({ name: 'dave', version: '2', isDisabled: true }, 'dave')
    assert.equal((await post(login)).status, 401)
  })

  test('POST refuses what is no grant, wrong credentials and a form that is too large', async () => {
    const refusals: [Record<string, string>, number, string][] = [
      [{}, 400, 'REQUEST_INVALID'],
      [{ grant_type: 'authorization_code' }, 400, 'REQUEST_INVALID'],
      [{ grant_type: 'password' }, 401, 'UNAUTHORIZED'],
      [{ grant_type: 'password', username: 'alice', password: 'wrong' }, 401, 'UNAUTHORIZED'],
      [{ grant_type: 'refresh_token' }, 401, 'UNAUTHORIZED'],
      [{ grant_type: 'refresh_token', refresh_token: 'x' }, 401, 'UNAUTHORIZED'],
      [{ grant_type: 'password', scope: 'x'.repeat(70_000) }, 413, 'REQUEST_INVALID'],
    ]
    for (const [form, status, code] of refusals) {
      const reply = await post(form)
      assert.deepEqual([reply.status, reply.code], [status, code], JSON.stringify(form).slice(0, 100))
    }
  })

  test('other methods are refused', async () => {
    const reply = await surface.send('alice', 'PUT', '/token')
    assert.deepEqual([reply.status, reply.code, reply.headers.allow], [405, 'UNSUPPORTED', 'GET, POST'])
    assert.deepEqual(surface.failures, [])
  })
})
