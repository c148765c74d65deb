import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { DiskBlobStore } from '../../blobs/disk/disk-blob-store.ts'
import { hashContent } from '../../oci/digest.ts'
import { type BlobDamage, BlobPresence, REMEMBERED_MS } from './blob-presence.ts'

interface Room extends AsyncDisposable {
  readonly store: DiskBlobStore
  readonly presence: BlobPresence
  readonly damages: BlobDamage[]
  readonly clock: { now: number }
}

async function openRoom(): Promise<Room> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-presence-'))
  const store = await DiskBlobStore.open(folder)
  const damages: BlobDamage[] = []
  const clock = { now: 0 }
  const presence = new BlobPresence(
    store,
    (damage) => damages.push(damage),
    () => clock.now,
  )
  return {
    store,
    presence,
    damages,
    clock,
    async [Symbol.asyncDispose]() {
      await store.close()
      await rm(folder, { recursive: true })
    },
  }
}

const BLOB = { digest: hashContent('four'), size: 4 }

test('`BlobPresence` remembers for a while that a blob is whole', async () => {
  await using room = await openRoom()
  const { store, presence, clock } = room
  await store.put(BLOB.digest, Buffer.from('four'))
  assert.equal(await presence.isWhole(BLOB), true)
  await store.delete(BLOB.digest)
  clock.now = REMEMBERED_MS - 1
  assert.equal(await presence.isWhole(BLOB), true)
  clock.now = REMEMBERED_MS
  assert.equal(await presence.isWhole(BLOB), false)
  assert.deepEqual(room.damages, [{ ...BLOB, found: undefined }])
})

test('`BlobPresence` does not remember that a blob is damaged', async () => {
  await using room = await openRoom()
  const { store, presence } = room
  await store.put(BLOB.digest, Buffer.from('fou'))
  assert.equal(await presence.isWhole(BLOB), false)
  await store.put(BLOB.digest, Buffer.from('four'))
  assert.equal(await presence.isWhole(BLOB), true)
  assert.deepEqual(room.damages, [{ ...BLOB, found: 3 }])
})

test('`BlobPresence` finds the damaged among many', async () => {
  await using room = await openRoom()
  const texts = Array.from({ length: 11 }, (_, index) => `blob ${index}`)
  const blobs = texts.map((text) => ({ digest: hashContent(text), size: text.length }))
  for (const [index, { digest }] of blobs.entries())
    if (index % 5 !== 0) await room.store.put(digest, Buffer.from(texts[index] ?? ''))
  const damaged = [0, 5, 10].map((index) => blobs[index]?.digest)
  assert.deepEqual(await room.presence.findDamaged(blobs), damaged)
})

test('`BlobPresence` forgets that a blob was whole once a read of it has failed', async () => {
  await using room = await openRoom()
  const { store, presence } = room
  await store.put(BLOB.digest, Buffer.from('four'))
  await presence.isWhole(BLOB)
  await store.delete(BLOB.digest)
  await presence.reportUnreadable(BLOB)
  assert.equal(await presence.isWhole(BLOB), false)
  assert.equal(room.damages.length, 2)
})
