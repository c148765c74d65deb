import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { hashContent } from '../../src/oci/digest.ts'
import { MEDIA_TYPES } from '../../src/oci/media-type.ts'
import type { Reply } from './connection.ts'
import { describeBytes, EMPTY_JSON, RegistryUnderTest, toImage } from './registry-under-test.ts'

const LAYER = 'layer'
const CACHE = 'application/vnd.buildkit.cacheconfig.v0'
const image = toImage([LAYER])
const IMAGE_TEXT = JSON.stringify(image)

const describeLayer = (size: number, mediaType = 'application/octet-stream') => ({
  mediaType,
  digest: hashContent(LAYER),
  size,
})
const imageDescriptor = { mediaType: MEDIA_TYPES.ociManifest, digest: hashContent(IMAGE_TEXT) }
const index = (...manifests: unknown[]) => ({
  schemaVersion: 2,
  mediaType: MEDIA_TYPES.ociIndex,
  manifests,
})

/** Documents with one size that differs from the stored one -> digest, stated size, stored size. */
const WRONG: Readonly<Record<string, readonly [Record<string, unknown>, string, number, number]>> = {
  'a layer, too large': [toImage([], { layers: [describeLayer(6)] }), hashContent(LAYER), 6, 5],
  'a layer, too small': [toImage([], { layers: [describeLayer(4)] }), hashContent(LAYER), 4, 5],
  'a layer of no bytes': [toImage([], { layers: [describeLayer(0)] }), hashContent(LAYER), 0, 5],
  'the second of two that name one layer': [
    toImage([], { layers: [describeLayer(5), describeLayer(7)] }),
    hashContent(LAYER),
    7,
    5,
  ],
  'a config': [
    toImage([], {
      config: { ...describeBytes('application/vnd.oci.empty.v1+json', EMPTY_JSON), size: 3 },
    }),
    hashContent(EMPTY_JSON),
    3,
    2,
  ],
  'an image of an index': [
    index({ ...imageDescriptor, size: IMAGE_TEXT.length - 1 }),
    hashContent(IMAGE_TEXT),
    IMAGE_TEXT.length - 1,
    IMAGE_TEXT.length,
  ],
  'a blob of a cache': [index(describeLayer(9, CACHE)), hashContent(LAYER), 9, 5],
  'a subject that is there': [
    toImage([], { subject: { ...imageDescriptor, size: 1 } }),
    hashContent(IMAGE_TEXT),
    1,
    IMAGE_TEXT.length,
  ],
}

/** Documents whose sizes cannot be compared, or are right. */
const RIGHT: Readonly<Record<string, Record<string, unknown>>> = {
  'sizes as stored': toImage([LAYER], { subject: { ...imageDescriptor, size: IMAGE_TEXT.length } }),
  'a subject that is absent': toImage([], {
    subject: { mediaType: MEDIA_TYPES.ociManifest, digest: hashContent('absent'), size: 1 },
  }),
  'a layer that is not distributed': toImage([], {
    layers: [describeLayer(1, 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip')],
  }),
  'an index with a cache': index({ ...imageDescriptor, size: IMAGE_TEXT.length }, describeLayer(5, CACHE)),
}

for (const sparse of [false, true])
  describe(`sizes that a manifest states, sparse-manifests: ${sparse}`, () => {
    let registry: RegistryUnderTest
    before(async () => {
      registry = await RegistryUnderTest.start({ 'sparse-manifests': String(sparse) })
      for (const blob of [EMPTY_JSON, LAYER]) await registry.pushBlob('alice', 'alice/app', blob)
      await registry.pushManifest('alice', 'alice/app', { document: image, reference: 'v1' })
    })
    after(() => registry[Symbol.asyncDispose]())

    const put = (document: Record<string, unknown>): Promise<Reply> =>
      registry.send('alice', 'PUT', '/v2/alice/app/manifests/tried', {
        body: JSON.stringify(document),
        headers: { 'content-type': String(document.mediaType) },
      })

    for (const [name, [document, digest, stated, stored]] of Object.entries(WRONG)) {
      test(`${name}: is refused with both numbers`, async () => {
        const refused = await put(document)
        assert.deepEqual([refused.status, refused.code], [400, 'MANIFEST_INVALID'], refused.text)
        const expected = `it says that ${digest} has ${stated} bytes, the stored content has ${stored}`
        assert.ok(refused.text.includes(expected), refused.text)
        assert.ok(refused.text.includes(`{"digest":"${digest}","stated":${stated},"stored":${stored}}`))
        const absent = await registry.send('alice', 'GET', '/v2/alice/app/manifests/tried')
        assert.equal(absent.status, 404)
      })
    }

    for (const [name, document] of Object.entries(RIGHT)) {
      test(`${name}: is taken`, async () => {
        const taken = await put(document)
        assert.equal(taken.status, 201, taken.text)
        await registry.send('alice', 'DELETE', '/v2/alice/app/manifests/tried')
      })
    }

    test(`a layer that is absent is ${sparse ? 'taken' : 'refused'}, whatever its size`, async () => {
      const { status } = await put(toImage(['absent']))
      assert.equal(status, sparse ? 201 : 404)
      await registry.send('alice', 'DELETE', '/v2/alice/app/manifests/tried')
    })
  })
