import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { hashContent } from '../../src/oci/digest.ts'
import { ABSENT, BAD_INPUT, IMAGE, LAYER, type Row, UPLOADS } from './bad-input-rows.ts'
import { describeBytes, EMPTY_JSON, RegistryUnderTest, toImage } from './registry-under-test.ts'

describe('bad input gets a clear error, and nothing is left or lost', () => {
  let registry: RegistryUnderTest

  before(async () => {
    registry = await RegistryUnderTest.start()
    await registry.pushBlob('alice', 'alice/app', EMPTY_JSON)
    await registry.pushBlob('alice', 'alice/app', LAYER)
    await registry.pushManifest('alice', 'alice/app', { document: IMAGE, reference: 'v1' })
  })
  after(() => registry[Symbol.asyncDispose]())

  for (const row of BAD_INPUT) {
    test(`${row.method} ${row.name} is ${row.status} ${row.code}`, () => check(row))
  }

  async function check(row: Row): Promise<void> {
    using connection = registry.connect(row.as ?? 'alice')
    const usesSession = row.path.startsWith('{upload}')
    const session = usesSession ? String((await connection.send('POST', UPLOADS)).headers.location) : ''
    const before = registry.inventory()
    const reply = await connection.send(row.method, row.path.replace('{upload}', session), row)
    assert.equal(reply.status, row.status, reply.text)
    assert.equal(reply.code, row.code, reply.text)
    assert.equal(reply.headers['content-type'], 'application/json')
    for (const [name, value] of Object.entries(row.answers ?? {})) assert.equal(reply.headers[name], value)
    const [error] = reply.json.errors as { message: unknown }[]
    assert.equal(typeof error?.message, 'string')
    if (usesSession) await checkSession(row, session)
    assert.deepEqual(registry.inventory(), { ...before, uploads: before.uploads - (usesSession ? 1 : 0) })
    const next = await connection.send('GET', '/v2/')
    assert.equal(next.status, 200)
    assert.equal(next.localPort, reply.localPort, 'the connection was used again')
    assert.equal((await connection.send('GET', '/v2/alice/app/manifests/v1')).text, JSON.stringify(IMAGE))
  }

  /** A session of a refused request goes on at its offset, unless the refusal ended it. */
  async function checkSession({ endsSession }: Row, session: string): Promise<void> {
    const status = await registry.send('alice', 'GET', session)
    assert.equal(status.status, endsSession ? 404 : 204)
    if (endsSession) return
    assert.equal(status.headers.range, '0-0')
    assert.equal((await registry.send('alice', 'DELETE', session)).status, 204)
  }

  test('numbers of results beyond every bound are taken as the bound', async () => {
    for (const n of ['1000000000', String(2n ** 63n), '9'.repeat(30)]) {
      const reply = await registry.send('alice', 'GET', `/v2/alice/app/tags/list?n=${n}`)
      assert.deepEqual([reply.status, reply.json.tags], [200, ['v1']])
    }
    const none = await registry.send('alice', 'GET', '/v2/alice/app/tags/list?n=0')
    assert.deepEqual([none.status, none.json.tags, none.headers.link], [200, [], undefined])
  })

  test('a legal manifest of 3.9 MB passes, and comes back as it was sent', async () => {
    const document = toImage([LAYER], { annotations: { filling: 'x'.repeat(3_900_000) } })
    const digest = await registry.pushManifest('alice', 'alice/app', { document, reference: 'large' })
    const reply = await registry.send('alice', 'GET', `/v2/alice/app/manifests/${digest}`)
    assert.equal(hashContent(reply.body), digest)
    assert.equal((await registry.send('alice', 'DELETE', `/v2/alice/app/manifests/${digest}`)).status, 202)
  })

  test('an error of HEAD has the headers of that of GET, and no body', async () => {
    for (const path of [
      `/v2/alice/app/blobs/${ABSENT}`,
      '/v2/alice/app/manifests/none',
      '/v2/Alice/tags/list',
    ]) {
      const [get, head] = [
        await registry.send('alice', 'GET', path),
        await registry.send('alice', 'HEAD', path),
      ]
      assert.equal(head.status, get.status)
      assert.equal(head.text, '')
      assert.equal(head.headers['content-length'], get.headers['content-length'])
      assert.equal(head.headers['content-type'], 'application/json')
    }
  })

  test('a chunk out of order leaves the session where it was, and it can be ended', async () => {
    using connection = registry.connect('alice')
    const session = String((await connection.send('POST', UPLOADS)).headers.location)
    const chunk = (body: string, range: string) =>
      connection.send('PATCH', session, { body, headers: { 'content-range': range } })
    assert.equal((await chunk('abc', '0-2')).status, 202)
    for (const [body, range] of [
      ['abc', '0-2'],
      ['ghi', '6-8'],
      ['cd', '2-3'],
    ] as const) {
      assert.equal((await chunk(body, range)).code, 'RANGE_INVALID')
      const status = await connection.send('GET', session)
      assert.deepEqual([status.status, status.headers.range], [204, '0-2'])
    }
    const lie = await connection.send('PATCH', session, {
      body: 'defghi',
      chunked: true,
      headers: { 'content-range': '3-4' },
    })
    assert.equal(lie.code, 'SIZE_INVALID')
    const end = await connection.send('PUT', `${session}?digest=${hashContent('abcdef')}`, {
      body: 'def',
      headers: { 'content-range': '3-5' },
    })
    assert.equal(end.status, 201, end.text)
    assert.equal((await connection.send('GET', String(end.headers.location))).text, 'abcdef')
    assert.equal((await connection.send('GET', session)).status, 404)
  })

  test('an artifact with layers of any type passes', async () => {
    const document = toImage([], { artifactType: 'x/y', layers: [describeBytes('any/thing', LAYER)] })
    await registry.pushManifest('alice', 'alice/app', { document })
  })
})
