import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { get, type IncomingMessage } from 'node:http'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { hashContent } from '../../src/oci/digest.ts'
import { EMPTY_JSON, RegistryUnderTest, toImage } from './registry-under-test.ts'

/** Damages of a blob's file behind the server's back. */
const DAMAGES: Readonly<Record<string, (path: string) => Promise<void>>> = {
  missing: (path) => rm(path),
  short: (path) => truncate(path, 5),
  empty: (path) => truncate(path, 0),
  'longer than it was': (path) => writeFile(path, 'more', { flag: 'a' }),
  'an empty folder': async (path) => {
    await rm(path)
    await mkdir(path)
  },
  'a folder with files': async (path) => {
    await rm(path)
    await mkdir(path)
    await writeFile(join(path, 'note'), 'kept')
  },
  'below a file in place of its folder': async (path) => {
    await rm(dirname(path), { recursive: true })
    await writeFile(dirname(path), '')
  },
}

const APP = '/v2/alice/app'

describe('a blob whose file is not what was stored', () => {
  let registry: RegistryUnderTest
  before(async () => {
    registry = await RegistryUnderTest.start()
    await registry.pushBlob('alice', 'alice/app', EMPTY_JSON)
  })
  after(() => registry[Symbol.asyncDispose]())

  const putImage = (layer: string) =>
    registry.send('alice', 'PUT', `${APP}/manifests/v1`, {
      body: JSON.stringify(toImage([layer])),
      headers: { 'content-type': String(toImage([]).mediaType) },
    })

  for (const [name, damage] of Object.entries(DAMAGES)) {
    test(`${name}: is absent to every request, and an error in the log`, async () => {
      const layer = randomBytes(20).toString('hex')
      const digest = await registry.pushBlob('alice', 'alice/app', layer)
      await damage(registry.toFile(digest))
      const mount = await registry.send(
        'alice',
        'POST',
        `/v2/alice/other/blobs/uploads/?mount=${digest}&from=alice/app`,
      )
      assert.equal(mount.status, 202)
      for (const method of ['HEAD', 'GET']) {
        assert.equal((await registry.send('alice', method, `${APP}/blobs/${digest}`)).status, 404)
      }
      const refused = await putImage(layer)
      assert.deepEqual([refused.status, refused.code], [404, 'MANIFEST_BLOB_UNKNOWN'])
      assert.ok(refused.text.includes(`"detail":[{"digest":"${digest}"}]`), refused.text)
      assert.ok(registry.errorLines().some((line) => line.digest === digest && line.size === 40))
    })
  }

  for (const [name, damage] of Object.entries(DAMAGES).slice(0, -1)) {
    test(`${name}: pushed again it is whole`, async () => {
      const layer = randomBytes(20).toString('hex')
      const digest = await registry.pushBlob('alice', 'alice/app', layer)
      await damage(registry.toFile(digest))
      await registry.pushBlob('alice', 'alice/app', layer)
      assert.equal((await registry.send('alice', 'GET', `${APP}/blobs/${digest}`)).text, layer)
      assert.equal((await putImage(layer)).status, 201)
    })
  }

  test('flipped bits are replaced by whoever pushes the bytes again', async () => {
    const layer = randomBytes(20).toString('hex')
    const digest = await registry.pushBlob('alice', 'alice/app', layer)
    await writeFile(registry.toFile(digest), 'x'.repeat(layer.length))
    await registry.pushBlob('alice', 'alice/app', layer)
    assert.equal((await registry.send('alice', 'GET', `${APP}/blobs/${digest}`)).text, layer)
  })

  test('files in a folder that stood in its place are kept beside it', async () => {
    const digest = await registry.pushBlob('alice', 'alice/app', 'beside')
    const path = registry.toFile(digest)
    await DAMAGES['a folder with files']?.(path)
    await registry.pushBlob('alice', 'alice/app', 'beside')
    const names = (await readdir(dirname(path))).sort()
    assert.equal(names[0], 'data')
    assert.match(names[1] ?? '', /^data\.replaced-/)
    assert.deepEqual(await readdir(join(dirname(path), names[1] ?? '')), ['note'])
  })

  test('cut short since it was found whole: absent before a byte of it is sent', async () => {
    const layer = randomBytes(20).toString('hex')
    const digest = await registry.pushBlob('alice', 'alice/app', layer)
    // Found whole a moment before, so that its size is not read again before it is opened.
    assert.equal((await registry.send('alice', 'HEAD', `${APP}/blobs/${digest}`)).status, 200)
    await truncate(registry.toFile(digest), 5)
    const reply = await registry.send('alice', 'GET', `${APP}/blobs/${digest}`)
    assert.deepEqual([reply.status, reply.code], [404, 'BLOB_UNKNOWN'])
    const line = registry.errorLines().find((each) => each.digest === digest)
    assert.deepEqual([line?.size, line?.found], [40, 5])
    assert.equal((await registry.send('alice', 'HEAD', `${APP}/blobs/${digest}`)).status, 404)
  })

  test('cut short while it is sent: the answer breaks off, and the log has an error', async () => {
    const layer = randomBytes(64 * 1024 * 1024)
    const digest = await registry.pushBlob('alice', 'alice/app', layer)
    const question = get(`${registry.url}${APP}/blobs/${digest}`, {
      headers: { authorization: registry.basic('alice') },
    })
    const [answer] = (await once(question, 'response')) as [IncomingMessage]
    assert.equal(answer.statusCode, 200)
    // The client has read no byte yet: most of the layer is still in the file.
    await truncate(registry.toFile(digest), layer.length / 2)
    await assert.rejects(answer.toArray())
    const line = registry.errorLines().find((each) => each.digest === digest)
    assert.deepEqual([line?.size, line?.found], [layer.length, layer.length / 2])
    assert.equal((await registry.send('alice', 'HEAD', `${APP}/blobs/${digest}`)).status, 404)
  })

  test('a manifest without content is not affected by the file of its own', async () => {
    const digest = await registry.pushManifest('alice', 'alice/app', { document: toImage([]) })
    await rm(registry.toFile(digest))
    const found = await registry.send('alice', 'GET', `${APP}/manifests/${digest}`)
    assert.deepEqual([found.status, hashContent(found.text)], [200, digest])
  })
})
