import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  APP,
  imageOf,
  OTHER,
  openRegistry,
  pushText,
  putManifest,
  refusalOf,
} from '../../test/support/open-registry.ts'
import { digestOf } from '../oci/digest.ts'
import { MEDIA_TYPES } from '../oci/media-type.ts'
import { parseTag } from '../oci/reference.ts'

const IMAGE = imageOf(['config', 'layer'])

async function openWithImage() {
  const opened = await openRegistry()
  for (const text of ['config', 'layer', 'loose']) await pushText(opened.registry, APP, text)
  for (const tag of ['v1', 'v2']) await putManifest(opened.registry, IMAGE, { tag })
  return opened
}

test('`deleteBlob()` takes a blob out of its repository alone, unless a manifest there names it', async () => {
  await using opened = await openWithImage()
  const { registry } = opened
  const digest = await pushText(registry, OTHER, 'loose')
  await registry.deleteBlob(APP, digest)
  await refusalOf('BLOB_UNKNOWN', registry.statBlob(APP, digest))
  await refusalOf('BLOB_UNKNOWN', registry.deleteBlob(APP, digest))
  assert.equal((await registry.statBlob(OTHER, digest)).size, 5)
  const used = await refusalOf('BLOB_IN_USE', registry.deleteBlob(APP, digestOf('layer')))
  assert.deepEqual(used.detail, { digest: digestOf('layer') })
})

test('`deleteManifest()` by tag removes that tag, by digest the manifest with all its tags', async () => {
  await using opened = await openWithImage()
  const { registry } = opened
  await registry.deleteManifest(APP, parseTag('v1'))
  await refusalOf('MANIFEST_UNKNOWN', registry.deleteManifest(APP, parseTag('v1')))
  assert.equal((await registry.getManifest(APP, parseTag('v2'))).digest, digestOf(IMAGE))
  await registry.deleteManifest(APP, digestOf(IMAGE))
  for (const reference of [parseTag('v2'), digestOf(IMAGE)]) {
    await refusalOf('MANIFEST_UNKNOWN', registry.getManifest(APP, reference))
  }
  await refusalOf('MANIFEST_UNKNOWN', registry.deleteManifest(APP, digestOf(IMAGE)))
  await registry.deleteBlob(APP, digestOf('layer'))
})

test('`deleteManifest()` keeps what an index of the repository names', async () => {
  await using opened = await openWithImage()
  const { registry } = opened
  const child = { mediaType: MEDIA_TYPES.ociManifest, digest: digestOf(IMAGE), size: IMAGE.length }
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: [child] }
  const digest = await putManifest(registry, Buffer.from(JSON.stringify(index)))
  await refusalOf('MANIFEST_IN_USE', registry.deleteManifest(APP, digestOf(IMAGE)))
  await registry.deleteManifest(APP, digest)
  await registry.deleteManifest(APP, digestOf(IMAGE))
})

test('deleting that is off is unsupported, whatever is there', async () => {
  await using opened = await openWithImage()
  const registry = opened.again({ isDeleteAllowed: false })
  await refusalOf('UNSUPPORTED', registry.deleteBlob(APP, digestOf('loose')))
  await refusalOf('UNSUPPORTED', registry.deleteBlob(APP, digestOf('absent')))
  await refusalOf('UNSUPPORTED', registry.deleteManifest(APP, parseTag('v1')))
  await refusalOf('UNSUPPORTED', registry.deleteManifest(APP, digestOf(IMAGE)))
  assert.equal((await registry.getManifest(APP, parseTag('v1'))).digest, digestOf(IMAGE))
})
