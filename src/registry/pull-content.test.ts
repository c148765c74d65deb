import assert from 'node:assert/strict'
import { test } from 'node:test'
import { APP, OTHER, openRegistry, pushText, refusalOf } from '../../test/support/open-registry.ts'
import { digestOf } from '../oci/digest.ts'
import { parseTag } from '../oci/reference.ts'
import { REMEMBERED_MS } from './blob-presence.ts'
import type { Registry } from './registry.ts'

async function send(registry: Registry, blob: { text: string; ranges: [number, number][] }): Promise<string> {
  const chunks: Buffer[] = []
  const found = { repository: APP, digest: digestOf(blob.text), size: blob.text.length }
  const ranges = blob.ranges.map(([start, end]) => ({ start, end }))
  await registry.sendBlob(found, ranges, async (bytes) => void chunks.push(Buffer.from(bytes)))
  return chunks.map(String).join('|')
}

test('`statBlob()` and `sendBlob()` give what the repository holds, whole or in spans', async () => {
  await using opened = await openRegistry()
  const { registry } = opened
  const digest = await pushText(registry, APP, '0123456789')
  assert.equal((await registry.statBlob(APP, digest)).size, 10)
  assert.equal(await send(registry, { text: '0123456789', ranges: [[0, 10]] }), '0123456789')
  const ranges: [number, number][] = [
    [2, 4],
    [9, 10],
  ]
  assert.equal(await send(registry, { text: '0123456789', ranges }), '23|9')
})

test('`statBlob()` knows a blob only in the repository that holds it', async () => {
  await using opened = await openRegistry()
  const { registry } = opened
  const digest = await pushText(registry, APP, 'a blob')
  const error = await refusalOf('BLOB_UNKNOWN', registry.statBlob(OTHER, digest))
  assert.deepEqual(error.detail, { digest })
})

test('`statBlob()` does not know a blob whose bytes are lost, and reports that', async () => {
  await using opened = await openRegistry()
  const { registry, blobs, damages } = opened
  const digest = await pushText(registry, APP, 'a blob')
  await registry.statBlob(APP, digest)
  await blobs.delete(digest)
  opened.pass(REMEMBERED_MS + 1)
  await refusalOf('BLOB_UNKNOWN', registry.statBlob(APP, digest))
  assert.deepEqual(damages, [{ digest, size: 6, found: undefined }])
})

test('`sendBlob()` reports a blob that cannot be read to its end', async () => {
  await using opened = await openRegistry()
  const { registry, blobs, damages } = opened
  const digest = await pushText(registry, APP, 'a blob')
  await blobs.delete(digest)
  await refusalOf('BLOB_UNKNOWN', send(registry, { text: 'a blob', ranges: [[0, 6]] }))
  assert.deepEqual(damages, [{ digest, size: 6, found: undefined }])
})

test('`getManifest()` knows neither a tag nor a digest that was never pushed', async () => {
  await using opened = await openRegistry()
  for (const reference of [parseTag('v1'), digestOf('v1')]) {
    const error = await refusalOf('MANIFEST_UNKNOWN', opened.registry.getManifest(APP, reference))
    assert.deepEqual(error.detail, { reference })
  }
})
