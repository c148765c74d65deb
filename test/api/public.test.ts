import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { RegistryUnderTest } from '../protocol/registry-under-test.ts'
import { until } from '../support/machine/until.ts'
import { runCli } from '../support/program/run-cli.ts'
import { apiEngines } from './api-engines.ts'

const [sqlite] = apiEngines()
const APP = '/api/v1/repositories/alice%2Fapp'

describe('a public repository in the API', () => {
  let registry: RegistryUnderTest
  before(async () => {
    registry = await (sqlite ?? assert.fail()).start()
    const args = ['access', 'visibility', 'alice/app', 'public', '--data', registry.dataDir]
    const { code, stderr } = await runCli(args)
    assert.equal(code, 0, stderr)
    await until(async () => (await registry.send(undefined, 'GET', APP)).status === 200)
  })
  after(() => registry[Symbol.asyncDispose]())

  test('is read without a log-in, and changed by nobody else', async () => {
    for (const path of ['', '/tags', '/tags/v1', '/tags/v1/history', '/manifests/v1']) {
      for (const user of [undefined, 'bob'] as const) {
        const reply = await registry.send(user, 'GET', `${APP}${path}`)
        assert.equal(reply.status, 200, `${user} ${path}: ${reply.text}`)
      }
    }
    for (const [method, path] of [
      ['DELETE', ''],
      ['DELETE', '/tags/v1'],
      ['POST', '/tags/v1/restore'],
      ['POST', '/restore'],
    ] as const) {
      assert.equal((await registry.send(undefined, method, `${APP}${path}`)).status, 401)
      assert.equal((await registry.send('bob', method, `${APP}${path}`)).status, 403)
    }
  })

  test('is in the lists of other accounts', async () => {
    const { json } = await registry.send('bob', 'GET', '/api/v1/repositories')
    assert.deepEqual(
      (json.items as { name: string }[]).map(({ name }) => name),
      ['alice/app'],
    )
    assert.equal((await registry.send(undefined, 'GET', '/api/v1/repositories')).status, 401)
    const token = await registry.token(undefined, 'registry:catalog:*')
    const headers = { authorization: `Bearer ${token}` }
    const listed = await registry.send(undefined, 'GET', '/api/v1/repositories', { headers })
    assert.equal(listed.status, 200, listed.text)
    for (const path of ['/api/v1/me', '/api/v1', '/api/v1/users', '/api/v1/events']) {
      assert.equal((await registry.send(undefined, 'GET', path, { headers })).status, 401, path)
    }
  })
})
