import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { access, rm } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { basename, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { hashContent } from '../../src/oci/digest.ts'
import { RegistryUnderTest, type User } from './registry-under-test.ts'

describe('a PUT that ends an upload, sent again because its answer was lost', () => {
  let registry: RegistryUnderTest
  before(async () => {
    registry = await RegistryUnderTest.start()
  })
  after(() => registry[Symbol.asyncDispose]())

  const openSession = async (user: User = 'alice'): Promise<string> =>
    String((await registry.send(user, 'POST', `/v2/${user}/app/blobs/uploads/`)).headers.location)

  test('is answered with 201 as before, with and without a body, on the same connection', async () => {
    for (const length of [0, 10, 3_000_000]) {
      const body = randomBytes(length)
      const session = await openSession()
      const target = `${session}?digest=${hashContent(body)}`
      using connection = registry.connect('alice')
      const first = await connection.send('PUT', target, { body })
      const second = await connection.send('PUT', target, { body })
      for (const reply of [first, second]) {
        assert.equal(reply.status, 201, reply.text)
        assert.equal(reply.headers['docker-content-digest'], hashContent(body))
        assert.equal(reply.headers.location, `/v2/alice/app/blobs/${hashContent(body)}`)
      }
    }
  })

  test('waits its turn while the first is at work, and is then 201', async () => {
    for (let round = 0; round < 20; round++) {
      const body = randomBytes(20_000)
      const target = `${await openSession()}?digest=${hashContent(body)}`
      const replies = await Promise.all([1, 2, 3].map(() => registry.send('alice', 'PUT', target, { body })))
      const statuses = replies.map(({ status }) => status)
      assert.deepEqual(statuses, [201, 201, 201])
    }
  })

  test('waits for a first one whose body is not yet whole', async () => {
    for (const repeated of ['', 'the whole body']) {
      const session = await openSession()
      const target = `${session}?digest=${hashContent('the whole body')}`
      const first = request(`${registry.url}${target}`, {
        method: 'PUT',
        headers: { authorization: registry.basic('alice'), 'content-length': 14 },
      })
      const answered = once(first, 'response')
      first.write('the whole ')
      await appearance(join(registry.dataDir, 'berth-uploads', basename(session)))
      const second = registry.send('alice', 'PUT', target, { body: repeated })
      // Time for a refusal to come, which must not.
      assert.equal(await Promise.race([second, sleep(300)]), undefined)
      first.end('body')
      const [answer] = (await answered) as [IncomingMessage]
      answer.resume()
      assert.deepEqual([answer.statusCode, (await second).status], [201, 201])
    }
  })

  test('is 404 if the repository lacks the digest, whoever holds it elsewhere', async () => {
    const body = 'of bob'
    await registry.pushBlob('bob', 'bob/app', body)
    const session = await openSession()
    await registry.send('alice', 'DELETE', session)
    const reply = await registry.send('alice', 'PUT', `${session}?digest=${hashContent(body)}`)
    assert.deepEqual([reply.status, reply.code], [404, 'BLOB_UPLOAD_UNKNOWN'])
  })

  test('is 404 if the bytes are gone', async () => {
    const session = await openSession()
    const target = `${session}?digest=${hashContent('gone')}`
    assert.equal((await registry.send('alice', 'PUT', target, { body: 'gone' })).status, 201)
    await rm(registry.toFile(hashContent('gone')))
    assert.equal((await registry.send('alice', 'PUT', target, { body: 'gone' })).status, 404)
  })
})

/** Waits until there is a file, half a minute at most. */
async function appearance(path: string): Promise<void> {
  for (let looks = 0; looks < 1_500; looks++) {
    const isThere = await access(path).then(
      () => true,
      () => false,
    )
    if (isThere) return
    await sleep(20)
  }
  assert.fail(`${path} did not appear`)
}
