import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashContent } from '../../oci/digest.ts'
import { MEDIA_TYPES } from '../../oci/media-type.ts'
import { type ChildrenRequest, listChildren } from './list-children.ts'

const CHILDREN = ['a', 'b', 'c'].map((text) => ({
  mediaType: MEDIA_TYPES.ociManifest,
  digest: hashContent(text),
  size: 1,
  ...(text === 'a' ? { artifactType: 'text/x', annotations: { of: text } } : {}),
}))
const SORTED = CHILDREN.map(({ digest }) => digest).sort()
const INDEX = Buffer.from(
  JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: CHILDREN }),
)

function listDigests(more: Partial<ChildrenRequest> = {}): string[] {
  const request = { bytes: INDEX, mediaType: MEDIA_TYPES.ociIndex, artifactType: undefined, last: undefined }
  return listChildren({ ...request, limit: 9, ...more }).map(({ digest }) => digest)
}

test('`listChildren()` has the children of an index by digest, after `last`, at most `limit`', () => {
  assert.deepEqual(listDigests(), SORTED)
  assert.deepEqual(listDigests({ limit: 2 }), SORTED.slice(0, 2))
  assert.deepEqual(listDigests({ last: SORTED[0] }), SORTED.slice(1))
  assert.deepEqual(listDigests({ last: SORTED[2] }), [])
})

test('`listChildren()` has type and annotations of a child as its descriptor states them', () => {
  assert.deepEqual(listDigests({ artifactType: 'text/x' }), [hashContent('a')])
  const request = { bytes: INDEX, mediaType: MEDIA_TYPES.ociIndex, last: undefined, limit: 9 }
  const [row] = listChildren({ ...request, artifactType: 'text/x' })
  assert.deepEqual(row, {
    digest: hashContent('a'),
    mediaType: MEDIA_TYPES.ociManifest,
    size: 1,
    artifactType: 'text/x',
    annotationsJson: '{"of":"a"}',
  })
})

test('`listChildren()` has none of what is no index', () => {
  assert.deepEqual(listDigests({ bytes: Buffer.from('{') }), [])
  const image = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    config: CHILDREN[0],
    layers: CHILDREN,
  }
  const bytes = Buffer.from(JSON.stringify(image))
  assert.deepEqual(listDigests({ bytes, mediaType: MEDIA_TYPES.ociManifest }), [])
})
