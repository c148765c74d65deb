import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import bcrypt from 'bcryptjs'
import { parseRepositoryName } from '../../src/oci/repository-name.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { noteSecret } from '../support/program/secret-canary.ts'
import type { Reply } from './connection.ts'
import { EMPTY_JSON, RegistryUnderTest, toImage } from './registry-under-test.ts'

const PASSWORD = 'another password'

/** A registry with an image of alice. */
async function startWithImage(flags: Readonly<Record<string, string>> = {}): Promise<RegistryUnderTest> {
  const registry = await RegistryUnderTest.start(flags)
  await registry.pushBlob('alice', 'alice/app', EMPTY_JSON)
  await registry.pushManifest('alice', 'alice/app', { document: toImage([]), reference: 'v1' })
  return registry
}

const logInHeaders = (registry: RegistryUnderTest, name: string, password = PASSWORD) => ({
  headers: { authorization: registry.basic(name, password) },
})

describe('an account made anew under the name of a removed one', () => {
  test('does not go on with its upload session', async () => {
    await using registry = await RegistryUnderTest.start()
    const opened = await registry.send('alice', 'POST', '/v2/alice/app/blobs/uploads/')
    const location = String(opened.headers.location)
    assert.equal((await registry.send('alice', 'PATCH', location, { body: 'secret' })).status, 202)
    await registry.manage(async ({ accounts }) => {
      await accounts.remove('alice')
      await accounts.add({ name: 'alice', password: PASSWORD, isAdmin: false })
    })
    for (const method of ['GET', 'PATCH', 'DELETE']) {
      const reply = await registry.send(undefined, method, location, logInHeaders(registry, 'alice'))
      assert.deepEqual([reply.status, reply.code], [404, 'BLOB_UPLOAD_UNKNOWN'], method)
    }
    assert.equal(registry.inventory().uploads, 0)
  })

  test('gets its repositories only by being let take them over', async () => {
    await using registry = await startWithImage()
    await registry.manage(async ({ accounts }) => {
      assert.deepEqual(await accounts.remove('alice'), { count: 1, owners: ['alice'], names: ['alice/app'] })
      const fresh = { name: 'alice', password: PASSWORD, isAdmin: false }
      await assert.rejects(accounts.add(fresh), { code: 'NAME_TAKEN', message: /alice\/app/ })
      await accounts.add({ ...fresh, takeOver: true })
    })
    const reply = await registry.send(
      undefined,
      'GET',
      '/v2/alice/app/tags/list',
      logInHeaders(registry, 'alice'),
    )
    assert.equal(reply.status, 200)
  })
})

test('repositories that are given to another account are that one\u2019s, and come back with the name only by being taken over', async () => {
  await using registry = await startWithImage()
  const tags = () => registry.send('bob', 'GET', '/v2/alice/app/tags/list')
  assert.equal((await tags()).status, 403)
  await registry.manage(async ({ accounts }) => {
    await assert.rejects(accounts.remove('alice', { giveTo: 'nobody' }), { code: 'UNKNOWN_ACCOUNT' })
    await accounts.remove('alice', { giveTo: 'bob' })
  })
  assert.equal((await tags()).status, 200)
  await registry.pushBlob('bob', 'alice/app', 'one more')
  const listed = await registry.send('bob', 'GET', '/v2/_catalog')
  assert.deepEqual(listed.json, { repositories: ['alice/app'] })
  await registry.manage(async ({ accounts }) => {
    const fresh = { name: 'alice', password: PASSWORD, isAdmin: false }
    await assert.rejects(accounts.add(fresh), { code: 'NAME_TAKEN', message: /"bob" owns/ })
    await accounts.add({ ...fresh, takeOver: true })
  })
  assert.equal((await tags()).status, 403)
  assert.equal(
    (await registry.send(undefined, 'GET', '/v2/alice/app/tags/list', logInHeaders(registry, 'alice')))
      .status,
    200,
  )
})

test('a line of an htpasswd file never gets what a stored account of its name owned, until nothing is left', async () => {
  await using folder = await makeTempFolder('lifetimes')
  const file = join(folder.path, 'users')
  noteSecret(PASSWORD)
  const line = (name: string): string => `${name}:${bcrypt.hashSync(PASSWORD, 4)}\n`
  await writeFile(file, line('alice') + line('carol'))
  await using registry = await startWithImage({ 'htpasswd-file': file })
  const status = async (name: string, method: string, path: string): Promise<number> =>
    (await registry.send(undefined, method, path, logInHeaders(registry, name))).status
  await registry.manage(async ({ accounts }) => void (await accounts.remove('alice')))
  assert.equal(await status('alice', 'GET', '/v2/'), 200)
  assert.equal(await status('alice', 'GET', '/v2/alice/app/tags/list'), 403)
  assert.equal(await status('alice', 'POST', '/v2/alice/new/blobs/uploads/'), 403)
  assert.equal(await status('carol', 'POST', '/v2/carol/app/blobs/uploads/'), 202)
  await registry.manage(async ({ accounts, repositories }) => {
    await repositories.delete(parseRepositoryName('alice/app'))
    await accounts.releaseNames(['alice'])
  })
  assert.equal(await status('alice', 'POST', '/v2/alice/new/blobs/uploads/'), 202)
})

test('a line of an htpasswd file never gets what was given to another account', async () => {
  await using folder = await makeTempFolder('lifetimes')
  const file = join(folder.path, 'users')
  noteSecret(PASSWORD)
  await writeFile(file, `alice:${bcrypt.hashSync(PASSWORD, 4)}\n`)
  await using registry = await startWithImage({ 'htpasswd-file': file })
  const requestStatus = async (method: string, path: string): Promise<number> =>
    (await registry.send(undefined, method, path, logInHeaders(registry, 'alice'))).status
  await registry.manage(async ({ accounts }) => void (await accounts.remove('alice', { giveTo: 'bob' })))
  assert.equal((await registry.send('bob', 'GET', '/v2/alice/app/tags/list')).status, 200)
  assert.equal(await requestStatus('GET', '/v2/'), 200)
  assert.equal(await requestStatus('GET', '/v2/alice/app/tags/list'), 403)
  assert.equal(await requestStatus('POST', '/v2/alice/new/blobs/uploads/'), 403)
  await registry.manage(async ({ accounts, repositories }) => {
    await repositories.delete(parseRepositoryName('alice/app'))
    await accounts.releaseNames(['alice'])
  })
  assert.equal(await requestStatus('POST', '/v2/alice/new/blobs/uploads/'), 202)
  assert.equal((await registry.send('bob', 'POST', '/v2/alice/new/blobs/uploads/')).status, 403)
})

test('a stored account can be replaced by the line of its name', async () => {
  await using folder = await makeTempFolder('lifetimes')
  const file = join(folder.path, 'users')
  noteSecret(PASSWORD)
  await writeFile(file, `alice:${bcrypt.hashSync(PASSWORD, 4)}\n`)
  await using registry = await startWithImage({ 'htpasswd-file': file })
  await registry.manage(async ({ accounts }) => {
    await assert.rejects(accounts.remove('bob', { giveTo: 'bob' }), { code: 'UNKNOWN_ACCOUNT' })
    await accounts.remove('alice', { giveTo: 'alice' })
  })
  assert.equal(
    (await registry.send(undefined, 'GET', '/v2/alice/app/tags/list', logInHeaders(registry, 'alice')))
      .status,
    200,
  )
})

test('a line of an htpasswd file that changed does not go on with an upload session of the old one', async () => {
  await using folder = await makeTempFolder('lifetimes')
  const file = join(folder.path, 'users')
  const second = 'the next password'
  for (const password of [PASSWORD, second]) noteSecret(password)
  const write = (password: string): Promise<void> =>
    writeFile(file, `carol:${bcrypt.hashSync(password, 4)}\n`)
  await write(PASSWORD)
  await using registry = await RegistryUnderTest.start({ 'htpasswd-file': file })
  const send = (method: string, path: string, password = PASSWORD): Promise<Reply> =>
    registry.send(undefined, method, path, logInHeaders(registry, 'carol', password))
  const location = String((await send('POST', '/v2/carol/app/blobs/uploads/')).headers.location)
  assert.equal((await send('GET', location)).status, 204)
  await write(second)
  const deadline = Date.now() + 20_000
  let reply = await send('GET', location, second)
  while (reply.status === 401 && Date.now() < deadline) {
    await sleep(100)
    reply = await send('GET', location, second)
  }
  assert.deepEqual([reply.status, reply.code], [404, 'BLOB_UPLOAD_UNKNOWN'])
})
