import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { hashContent } from '../../src/oci/digest.ts'
import { MEDIA_TYPES } from '../../src/oci/media-type.ts'
import { describeBytes, EMPTY_JSON, RegistryUnderTest, toImage } from './registry-under-test.ts'

const LAYER = 'a layer of a cache'
const CACHE_CONFIG = '{"layers":[]}'
const GZIP = 'application/vnd.oci.image.layer.v1.tar+gzip'

/** Requests of other clients beyond the specification, which Distribution accepts. */
describe('what clients of Distribution send', () => {
  let registry: RegistryUnderTest
  const send = (method: string, path: string, body?: string, headers: Record<string, string> = {}) =>
    registry.send('alice', method, path, body === undefined ? { headers } : { body, headers })
  const push = (document: Record<string, unknown>, reference: string) =>
    registry.pushManifest('alice', 'alice/app', { document, reference })

  before(async () => {
    registry = await RegistryUnderTest.start()
    for (const blob of [EMPTY_JSON, LAYER, CACHE_CONFIG]) await registry.pushBlob('alice', 'alice/app', blob)
  })
  after(() => registry[Symbol.asyncDispose]())

  test("BuildKit's cache is an index of blobs, which stay as long as it does", async () => {
    const manifests = [
      describeBytes(GZIP, LAYER),
      describeBytes('application/vnd.buildkit.cacheconfig.v0', CACHE_CONFIG),
    ]
    const cache = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests }
    const digest = await push(cache, 'cache')
    assert.equal((await send('GET', '/v2/alice/app/manifests/cache')).text, JSON.stringify(cache))
    const layer = `/v2/alice/app/blobs/${hashContent(LAYER)}`
    assert.equal((await send('DELETE', layer)).code, 'BLOB_IN_USE')
    assert.equal((await send('DELETE', `/v2/alice/app/manifests/${digest}`)).status, 202)
    assert.equal((await send('DELETE', layer)).status, 202)
  })

  test('an index cannot name a blob that is not there, nor a blob as a manifest', async () => {
    const asManifest = [MEDIA_TYPES.ociManifest, `${MEDIA_TYPES.ociManifest.toUpperCase()}; charset=utf-8`]
    const children = [
      describeBytes(GZIP, 'absent'),
      ...asManifest.map((type) => describeBytes(type, EMPTY_JSON)),
    ]
    for (const child of children) {
      const body = JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: [child] })
      const reply = await send('PUT', '/v2/alice/app/manifests/lacking', body)
      assert.deepEqual([reply.status, reply.code], [404, 'MANIFEST_BLOB_UNKNOWN'])
    }
  })

  test('an index may name a manifest by a type that is none, and holds it', async () => {
    const image = toImage([])
    const digest = await push(image, hashContent(JSON.stringify(image)))
    const manifests = [describeBytes('application/json', JSON.stringify(image))]
    const index = await push({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests }, 'odd')
    assert.equal((await send('DELETE', `/v2/alice/app/manifests/${digest}`)).code, 'MANIFEST_IN_USE')
    assert.equal((await send('DELETE', `/v2/alice/app/manifests/${index}`)).status, 202)
    assert.equal((await send('DELETE', `/v2/alice/app/manifests/${digest}`)).status, 202)
  })

  test('an empty list written as null is an empty list', async () => {
    const image = toImage([], { layers: null })
    await push(image, 'scratch')
    assert.equal((await send('GET', '/v2/alice/app/manifests/scratch')).text, JSON.stringify(image))
    await push({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: null }, 'none')
  })

  test('a member written as null is one left out', async () => {
    const layers = [{ ...describeBytes(GZIP, EMPTY_JSON), annotations: null, urls: null, platform: null }]
    const image = toImage([], {
      layers,
      mediaType: null,
      artifactType: null,
      annotations: null,
      subject: null,
    })
    for (const document of [image, { ...image, mediaType: '' }]) {
      const type = { 'content-type': MEDIA_TYPES.ociManifest }
      const reply = await send('PUT', '/v2/alice/app/manifests/nulls', JSON.stringify(document), type)
      assert.equal(reply.status, 201, reply.text)
      const stored = await send('GET', '/v2/alice/app/manifests/nulls')
      assert.deepEqual(
        [stored.text, stored.headers['content-type']],
        [JSON.stringify(document), type['content-type']],
      )
    }
    const wrong = JSON.stringify({ ...image, mediaType: 0 })
    const reply = await send('PUT', '/v2/alice/app/manifests/nulls', wrong, { 'content-type': 'text/plain' })
    assert.equal(reply.code, 'MANIFEST_INVALID')
  })

  test('a parameter without a value is one left out', async () => {
    for (const query of ['?mount=&from=', '?digest=', '?mount=&from=alice/app&digest=&digest-algorithm=']) {
      const session = await send('POST', `/v2/alice/app/blobs/uploads/${query}`, '')
      assert.equal(session.status, 202, session.text)
      assert.equal((await send('DELETE', String(session.headers.location))).status, 204)
    }
  })

  test('an upload that ends without further bytes may say any place for them', async () => {
    for (const range of ['3-2', '3-3', '0-2', 'bytes 0-2/3']) {
      const start = await send('POST', '/v2/alice/app/blobs/uploads/', '')
      const chunk = await send('PATCH', String(start.headers.location), 'abc')
      const path = `${chunk.headers.location}?digest=${hashContent('abc')}`
      const end = await send('PUT', path, '', { 'content-range': range })
      assert.equal(end.status, 201, `${range}: ${end.text}`)
    }
  })
})
