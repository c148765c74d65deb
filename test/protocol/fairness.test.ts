import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import { databaseFile } from '../../src/app/folders/data-folder.ts'
import { LARGEST_SHARE } from '../../src/http/bounds/fair-share.ts'
import { hashContent } from '../../src/oci/digest.ts'
import { MAX_MANIFEST_BYTES } from '../../src/oci/manifest.ts'
import { ABANDONED_AFTER_MS, MAX_OPEN_UPLOADS } from '../../src/registry/push/push-blob.ts'
import type { Reply } from './connection.ts'
import { RegistryUnderTest, type User } from './registry-under-test.ts'

const UPLOADS = '/v2/alice/app/blobs/uploads/'

describe('one account', () => {
  let registry: RegistryUnderTest

  before(async () => {
    registry = await RegistryUnderTest.start()
  })
  after(() => registry[Symbol.asyncDispose]())

  const open = (user: User, path = `/v2/${user}/app/blobs/uploads/`): Promise<Reply> =>
    registry.send(user, 'POST', path)

  test('has so many uploads open at most, and the answer says what to do', async () => {
    addSessions(registry, MAX_OPEN_UPLOADS - 1)
    const last = await open('alice')
    assert.equal(last.status, 202)
    for (const path of [
      UPLOADS,
      '/v2/alice/other/blobs/uploads/',
      `${UPLOADS}?mount=${hashContent('none')}`,
    ]) {
      const refused = await open('alice', path)
      assert.deepEqual([refused.status, refused.code], [429, 'TOOMANYREQUESTS'])
      assert.match(refused.text, /1000 uploads open: finish or cancel some/)
      assert.ok(Number(refused.headers['retry-after']) > 0)
    }
    assert.equal(registry.inventory().uploads, MAX_OPEN_UPLOADS)

    assert.equal((await open('bob')).status, 202, 'others go on')
    assert.equal((await open('admin', UPLOADS)).status, 202, 'whatever the repository')
    await registry.pushBlob('alice', 'alice/app', 'whole')
    const digest = hashContent('in two steps')
    const body = 'in two steps'
    const location = String(last.headers.location)
    const ended = await registry.send('alice', 'PUT', `${location}?digest=${digest}`, { body })
    assert.equal(ended.status, 201, 'what is open can be ended')
    const again = await open('alice')
    assert.equal(again.status, 202, 'and makes room')
    assert.equal((await open('alice')).status, 429)
    assert.equal((await registry.send('alice', 'DELETE', String(again.headers.location))).status, 204)
    assert.equal((await open('alice')).status, 202)
  })

  test('gets room for an upload where nobody went on with one for a day', async () => {
    addSessions(registry, 2, ABANDONED_AFTER_MS + 60_000)
    addSessions(registry, 1, ABANDONED_AFTER_MS - 60_000)
    const { uploads } = registry.inventory()
    assert.equal(uploads - 2, MAX_OPEN_UPLOADS + 3)
    removeFresh(registry, 3)
    for (const expected of [202, 202, 429]) assert.equal((await open('alice')).status, expected)
    assert.equal(registry.inventory().uploads, uploads - 3)
  })

  test('takes no more than its share of the memory for manifests', async () => {
    const url = new URL(registry.url)
    const put = (user: User) =>
      registry.send(user, 'PUT', `/v2/${user}/app/manifests/x`, { body: '{}'.padEnd(100) })
    using sockets = new DisposableStack()
    for (let left = LARGEST_SHARE * 16; left > 0; left--) {
      const socket = connect(Number(url.port), url.hostname)
      sockets.defer(() => socket.destroy())
      const head = `Host: x\r\nAuthorization: ${registry.basic('alice')}\r\nContent-Length: ${MAX_MANIFEST_BYTES}`
      socket.write(`PUT /v2/alice/app/manifests/x HTTP/1.1\r\n${head}\r\n\r\n`)
      socket.write(Buffer.alloc(MAX_MANIFEST_BYTES - 1, 32))
    }
    const deadline = Date.now() + 60_000
    let refused = await put('alice')
    while (refused.status !== 429 && Date.now() < deadline) refused = await put('alice')
    assert.deepEqual([refused.status, refused.code], [429, 'TOOMANYREQUESTS'])
    const others = await put('bob')
    assert.deepEqual([others.status, others.code], [400, 'MANIFEST_INVALID'])
  })
})

/** Puts sessions of alice into the database, unused for `ageMs`. */
function addSessions(registry: RegistryUnderTest, count: number, ageMs = 0): void {
  using database = new DatabaseSync(databaseFile(registry.dataDir))
  const insert = database.prepare(
    'insert into uploads (id, repository, principal, offset, state, created_at, updated_at) values (?, ?, ?, ?, ?, ?, ?)',
  )
  const owner = readId(database, 'alice')
  const at = Date.now() - ageMs
  database.exec('begin immediate')
  for (let index = 0; index < count; index++) {
    const id = randomBytes(16).toString('base64url')
    insert.run(id, 'alice/app', owner, 0, hashContent(''), at, at)
  }
  database.exec('commit')
}

/** Takes alice's newest sessions out of the database. */
function removeFresh(registry: RegistryUnderTest, count: number): void {
  using database = new DatabaseSync(databaseFile(registry.dataDir))
  database
    .prepare(
      'delete from uploads where id in (select id from uploads where principal = ? order by updated_at desc limit ?)',
    )
    .run(readId(database, 'alice'), count)
}

/** Id of an account, which its sessions belong to. */
function readId(database: DatabaseSync, name: User): string {
  return `user:${database.prepare('select id from users where name = ?').get(name)?.id}`
}
