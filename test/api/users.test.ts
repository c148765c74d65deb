import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { RegistryUnderTest } from '../protocol/registry-under-test.ts'
import { until } from '../support/machine/until.ts'
import { noteSecret } from '../support/program/secret-canary.ts'
import { apiEngines } from './api-engines.ts'
import { checkAnswers, type SendChecked } from './checked-answers.ts'

const PASSWORD = 'a password of carol'
const CHANGED = 'another password of carol'
noteSecret(PASSWORD)
noteSecret(CHANGED)

for (const engine of apiEngines()) {
  describe(`users in the API (${engine.name})`, { skip: engine.skip }, () => {
    let registry: RegistryUnderTest
    let send: SendChecked
    before(async () => {
      registry = await engine.start()
      send = await checkAnswers(registry)
    })
    after(() => registry[Symbol.asyncDispose]())

    const logIn = async (name: string, password: string): Promise<number> => {
      const headers = { authorization: registry.basic(name, password) }
      return (await registry.send(undefined, 'GET', '/api/v1/me', { headers })).status
    }

    test('an account is made, changed and removed', async () => {
      const made = await send('admin', 'POST', '/users', { name: 'carol', password: PASSWORD })
      assert.deepEqual([made.status, made.headers.location], [201, '/api/v1/users/carol'])
      assert.equal(await logIn('carol', PASSWORD), 200)
      const again = await send('admin', 'POST', '/users', { name: 'carol', password: PASSWORD })
      assert.deepEqual([again.status, again.json.code], [409, 'ACCOUNT_EXISTS'])

      const { etag = '' } = (await send('admin', 'GET', '/users/carol')).headers
      assert.equal(made.headers.etag, etag)
      const changed = await send('admin', 'PATCH', '/users/carol', { isDisabled: true }, { 'if-match': etag })
      assert.deepEqual([changed.status, changed.json.isDisabled], [200, true])
      await until(async () => (await logIn('carol', PASSWORD)) === 401)
      const late = await send('admin', 'PATCH', '/users/carol', { isDisabled: false }, { 'if-match': etag })
      assert.deepEqual([late.status, late.json.code], [412, 'CHANGED'])
      const weak = await send(
        'admin',
        'PATCH',
        '/users/carol',
        { isDisabled: false },
        { 'if-match': `W/${etag}` },
      )
      assert.deepEqual([weak.status, weak.json.code], [400, 'IF_MATCH_INVALID'])
      const any = await send('admin', 'PATCH', '/users/carol', { isDisabled: false }, { 'if-match': '*' })
      assert.equal(any.status, 200)

      assert.equal((await send('admin', 'PUT', '/users/carol/password', { password: CHANGED })).status, 204)
      await until(async () => (await logIn('carol', PASSWORD)) === 401)
      assert.equal(await logIn('carol', CHANGED), 200)

      const removed = await send('admin', 'DELETE', '/users/carol?giveTo=bob')
      assert.deepEqual(removed.json, { repositories: 0, owners: ['carol'] })
      await until(async () => (await logIn('carol', CHANGED)) === 401)
      assert.equal((await send('admin', 'GET', '/users/carol')).json.code, 'ACCOUNT_UNKNOWN')
    })

    test('changes of accounts are in the audit, with their author', async () => {
      await registry.manage(async ({ audit }) => {
        const found = (await audit.list({}, 100))
          .map(({ event }) => event)
          .filter(({ target }) => target === 'carol')
        assert.deepEqual(
          found.map(({ action, who }) => `${action} by ${who}`).toSorted(),
          ['add', 'disable', 'enable', 'password', 'remove'].map((act) => `user.${act} by admin`),
        )
      })
    })

    test('a body that is wrong names the place, and never shows the password', async () => {
      const wrong = await send('admin', 'POST', '/users', { name: 'dave', password: 'hunter2', admin: true })
      assert.deepEqual([wrong.status, wrong.json.code], [400, 'BODY_INVALID'])
      const places = (wrong.json.faults as { at: string }[]).map(({ at }) => at)
      assert.deepEqual(places.toSorted(), ['/admin', '/password'])
      assert.ok(!wrong.text.includes('hunter2'))
      const name = await send('admin', 'POST', '/users', { name: 'Not A Name', password: PASSWORD })
      assert.deepEqual([name.status, name.json.code], [400, 'ACCOUNT_INVALID'])
      for (const [body, type, status] of [
        ['{"name":"dave","password":"long enough"}', 'text/plain', 415],
        ['name=dave&password=long+enough', 'application/x-www-form-urlencoded', 415],
        ['{"name":"dave","name":"eve","password":"long enough"}', 'application/json', 400],
        ['{"name":"dave"', 'application/json', 400],
        ['', 'application/json', 400],
        ['[]', 'application/json', 400],
        [`${'['.repeat(100)}${']'.repeat(100)}`, 'application/json', 400],
        [`{"name":"${'a'.repeat(200_000)}"}`, 'application/json', 413],
      ] as const) {
        const headers = { 'content-type': type }
        const reply = await registry.send('admin', 'POST', '/api/v1/users', { headers, body })
        assert.equal(reply.status, status, `${body.slice(0, 60)}: ${reply.text}`)
        assert.equal(reply.headers['content-type'], 'application/problem+json')
      }
      assert.equal((await send('admin', 'GET', '/users/dave')).status, 404)
    })

    test('the last administrator stays', async () => {
      const removed = await send('admin', 'DELETE', '/users/admin')
      assert.deepEqual([removed.status, removed.json.code], [409, 'LAST_ADMIN'])
      const disabled = await send('admin', 'PATCH', '/users/admin', { isDisabled: true })
      assert.deepEqual([disabled.status, disabled.json.code], [409, 'LAST_ADMIN'])
    })

    test('log-ins are listed and ended', async () => {
      const { json } = await registry.send(
        'alice',
        'GET',
        '/token?service=berth&offline_token=true&client_id=test',
      )
      const { items } = (await send('admin', 'GET', '/users/alice/log-ins')).json as {
        items: { id: string }[]
      }
      assert.equal(items.length, 1)
      assert.equal((await send('admin', 'DELETE', `/users/alice/log-ins?id=${items[0]?.id}`)).json.ended, 1)
      const form = new URLSearchParams({
        grant_type: 'refresh_token',
        service: 'berth',
        refresh_token: String(json.refresh_token),
      })
      const headers = { 'content-type': 'application/x-www-form-urlencoded' }
      const used = await registry.send(undefined, 'POST', '/token', { headers, body: String(form) })
      assert.equal(used.status, 401)
    })
  })
}
