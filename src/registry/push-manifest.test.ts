import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  APP,
  imageOf,
  OTHER,
  OWNER,
  openRegistry,
  pushText,
  putManifest,
  refusalOf,
} from '../../test/support/open-registry.ts'
import { digestOf } from '../oci/digest.ts'
import { MEDIA_TYPES } from '../oci/media-type.ts'
import { parseTag } from '../oci/reference.ts'
import { REMEMBERED_MS } from './blob-presence.ts'

const IMAGE = imageOf(['config', 'layer'])
const V1 = parseTag('v1')

test('`pushManifest()` stores the bytes as they came, under the digest and each tag', async () => {
  await using opened = await openRegistry()
  const { registry } = opened
  for (const text of ['config', 'layer']) await pushText(registry, APP, text)
  const tags = ['v1.0', 'latest'].map(parseTag)
  const contentType = `${MEDIA_TYPES.ociManifest}; charset=utf-8`
  const pushed = await registry.pushManifest({
    repository: APP,
    owner: OWNER,
    reference: V1,
    tags,
    contentType,
    bytes: IMAGE,
  })
  assert.deepEqual(pushed, { digest: digestOf(IMAGE), subject: undefined })
  for (const reference of [V1, ...tags, pushed.digest]) {
    assert.deepEqual(Buffer.from((await registry.getManifest(APP, reference)).bytes), IMAGE)
  }
  const next = imageOf(['layer', 'config'])
  await putManifest(registry, next, { tag: 'v1' })
  assert.equal((await registry.getManifest(APP, V1)).digest, digestOf(next))
  assert.equal((await registry.getManifest(APP, parseTag('latest'))).digest, digestOf(IMAGE))
})

test('`pushManifest()` refuses what names absent blobs, and moves no tag', async () => {
  await using opened = await openRegistry()
  const { registry } = opened
  await pushText(registry, APP, 'config')
  await pushText(registry, OTHER, 'layer')
  const error = await refusalOf('MANIFEST_BLOB_UNKNOWN', putManifest(registry, IMAGE, { tag: 'v1' }))
  assert.deepEqual(error.detail, [{ digest: digestOf('layer') }])
  await refusalOf('MANIFEST_UNKNOWN', registry.getManifest(APP, V1))
  const sparse = opened.again({ isSparseAllowed: true })
  assert.equal(await putManifest(sparse, IMAGE, { tag: 'v1' }), digestOf(IMAGE))
})

test('`pushManifest()` names some of many absent blobs', async () => {
  await using opened = await openRegistry()
  const { registry } = opened
  const texts = Array.from({ length: 50 }, (_, index) => `layer ${index}`)
  const error = await refusalOf('MANIFEST_BLOB_UNKNOWN', putManifest(registry, imageOf(texts)))
  assert.match(error.message, /\(50\)/)
  assert.equal((error.detail as unknown[]).length, 20)
})

test('`pushManifest()` refuses a size that the stored blob does not have', async () => {
  await using opened = await openRegistry()
  const { registry } = opened
  for (const text of ['config', 'layer']) await pushText(registry, APP, text)
  const wrong = Buffer.from(String(IMAGE).replace('"size":5', '"size":6'))
  const error = await refusalOf('MANIFEST_INVALID', putManifest(registry, wrong))
  assert.deepEqual(error.detail, [{ digest: digestOf('layer'), stated: 6, stored: 5 }])
})

test('`pushManifest()` refuses bytes of another digest than they are pushed by, and what is no manifest', async () => {
  await using opened = await openRegistry()
  const { registry } = opened
  const push = { repository: APP, owner: OWNER, tags: [], contentType: undefined }
  const other = { ...push, reference: digestOf('other'), bytes: IMAGE }
  const error = await refusalOf('DIGEST_INVALID', registry.pushManifest(other))
  assert.deepEqual(error.detail, { expected: digestOf('other'), actual: digestOf(IMAGE) })
  for (const text of ['', '{', '[]', '{"schemaVersion":1}']) {
    await refusalOf(
      'MANIFEST_INVALID',
      registry.pushManifest({ ...push, reference: V1, bytes: Buffer.from(text) }),
    )
  }
})

test('`pushManifest()` refuses what names a blob whose bytes are lost, so that the client sends it again', async () => {
  await using opened = await openRegistry()
  const { registry, blobs, damages } = opened
  for (const text of ['config', 'layer']) await pushText(registry, APP, text)
  await putManifest(registry, IMAGE)
  await blobs.delete(digestOf('layer'))
  opened.pass(REMEMBERED_MS + 1)
  const error = await refusalOf('MANIFEST_BLOB_UNKNOWN', putManifest(registry, IMAGE))
  assert.deepEqual(error.detail, [{ digest: digestOf('layer') }])
  assert.deepEqual(damages, [{ digest: digestOf('layer'), size: 5, found: undefined }])
  await pushText(registry, APP, 'layer')
  assert.equal(await putManifest(registry, IMAGE), digestOf(IMAGE))
})

test('`pushManifest()` returns the subject, which may be absent', async () => {
  await using opened = await openRegistry()
  const { registry } = opened
  await pushText(registry, APP, 'config')
  const subject = { mediaType: MEDIA_TYPES.ociManifest, digest: digestOf(IMAGE), size: IMAGE.length }
  const bytes = imageOf(['config'], { subject })
  const push = { repository: APP, owner: OWNER, reference: V1, tags: [], contentType: undefined, bytes }
  assert.equal((await registry.pushManifest(push)).subject, digestOf(IMAGE))
})
