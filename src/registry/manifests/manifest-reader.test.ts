import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatManifest } from '../../../test/support/memory/registry-room.ts'
import { parseManifest } from '../../oci/manifest.ts'
import { MEDIA_TYPES } from '../../oci/media-type.ts'
import { LARGE_MANIFEST_BYTES, ManifestReader } from './manifest-reader.ts'

/** Annotations that make a manifest a large one. */
const LARGE = { note: 'x'.repeat(LARGE_MANIFEST_BYTES) }

test('`ManifestReader` reads small and large manifests alike, and refuses both for the same reasons', async () => {
  const reader = new ManifestReader()
  for (const annotations of [{}, LARGE]) {
    const bytes = formatManifest({ layers: ['a', 'b'], annotations })
    assert.deepEqual(await reader.read(bytes, undefined), parseManifest(bytes, undefined))
    const broken = bytes.subarray(1)
    await assert.rejects(reader.read(broken, undefined), { code: 'MANIFEST_INVALID' })
    await assert.rejects(reader.read(bytes, MEDIA_TYPES.ociIndex), { code: 'MANIFEST_INVALID' })
  }
})

test('`ManifestReader` lists the children of small and large indexes', async () => {
  const reader = new ManifestReader()
  for (const annotations of [{}, LARGE]) {
    const bytes = formatManifest({
      children: [formatManifest(), formatManifest({ layers: ['a'] })],
      annotations,
    })
    const request = { bytes, mediaType: MEDIA_TYPES.ociIndex, artifactType: undefined, last: undefined }
    assert.equal((await reader.listChildren({ ...request, limit: 9 })).length, 2)
    assert.equal((await reader.listChildren({ ...request, limit: 1 })).length, 1)
  }
})

test('`ManifestReader` gives a turn to large manifests of an account alone', async () => {
  const reader = new ManifestReader()
  const { promise, resolve } = Promise.withResolvers<void>()
  const large = Buffer.alloc(LARGE_MANIFEST_BYTES)
  const first = reader.takeTurn('alice', large, () => promise)
  let hasBegun = false
  const second = reader.takeTurn('alice', large, async () => {
    hasBegun = true
  })
  await reader.takeTurn('alice', Buffer.alloc(1), async () => {})
  await reader.takeTurn('bob', large, async () => {})
  assert.equal(hasBegun, false)
  resolve()
  await Promise.all([first, second])
  assert.equal(hasBegun, true)
})
