import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StoreRoom } from '../../blobs/blob-store.ts'
import { type RoomMeter, UploadRoom } from './upload-room.ts'

const MIB = 1024 ** 2
const FULL = { code: 'STORAGE_FULL', status: 507 }

/** A disk of 100 MiB, of which 10 are kept free. */
function makeDisk({ freeMib = 100, takesUploads = true, floorMib = 10 } = {}) {
  let now = 0
  let measured = 0
  const room = { freeBytes: freeMib * MIB, totalBytes: 100 * MIB }
  const meter: RoomMeter = {
    measure: async (): Promise<StoreRoom> => {
      measured++
      return { ...room }
    },
    floorOf: () => floorMib * MIB,
    takesUploads,
  }
  return {
    meter,
    room,
    clock: () => now,
    pass(ms: number) {
      now += ms
    },
    measured: () => measured,
  }
}

test('an upload of a known length that would go below the floor is refused with the numbers', async () => {
  const disk = makeDisk({ freeMib: 50 })
  const room = new UploadRoom([disk.meter], disk.clock)
  using _fits = await room.enter(40 * MIB)
  await assert.rejects(room.enter(1 * MIB), {
    ...FULL,
    message:
      /no space left on device .*50 MiB are free.* 1\.0 MiB.* would leave 9\.0 MiB, and 10 MiB are kept free/,
    detail: { freeBytes: 50 * MIB, leftBytes: 9 * MIB, floorBytes: 10 * MIB, neededBytes: MIB },
  })
})

test('of many uploads at once only those begin that fit together', async () => {
  const disk = makeDisk()
  const room = new UploadRoom([disk.meter], disk.clock)
  const entries = await Promise.allSettled(Array.from({ length: 32 }, () => room.enter(10 * MIB)))
  assert.equal(entries.filter(({ status }) => status === 'fulfilled').length, 9)
})

test('an upload that ends gives back what it did not bring', async () => {
  const disk = makeDisk()
  const room = new UploadRoom([disk.meter], disk.clock)
  {
    using share = await room.enter(90 * MIB)
    share.count(20 * MIB)
    await assert.rejects(room.enter(1), FULL)
  }
  using _next = await room.enter(70 * MIB)
  await assert.rejects(room.enter(1 * MIB), FULL)
})

test('an upload of an unknown length is refused once it has come too far', async () => {
  const disk = makeDisk({ freeMib: 30 })
  const room = new UploadRoom([disk.meter], disk.clock)
  using share = await room.enter(undefined)
  share.count(20 * MIB)
  assert.throws(() => share.count(1), FULL)
})

test('what is free is measured again a moment later, and not with each part', async () => {
  const disk = makeDisk()
  const room = new UploadRoom([disk.meter], disk.clock)
  using share = await room.enter(undefined)
  for (let part = 0; part < 1_000; part++) share.count(1)
  assert.equal(disk.measured(), 1)
  disk.room.freeBytes = 5 * MIB
  disk.pass(300)
  await assert.rejects(room.enter(undefined), FULL)
  disk.room.freeBytes = 50 * MIB
  disk.pass(300)
  using _again = await room.enter(20 * MIB)
  assert.equal(disk.measured(), 3)
})

test('a manifest may take a half of the floor', async () => {
  const disk = makeDisk({ freeMib: 8 })
  const room = new UploadRoom([disk.meter], disk.clock)
  await assert.rejects(room.enter(1), FULL)
  await room.requireForManifest(2 * MIB)
  await assert.rejects(room.requireForManifest(4 * MIB), FULL)
})

test('uploads are refused while the disk of the database is nearly full, and their bytes are not counted there', async () => {
  const bytes = makeDisk()
  const database = makeDisk({ freeMib: 20, takesUploads: false })
  const room = new UploadRoom([bytes.meter, database.meter], bytes.clock)
  {
    using share = await room.enter(50 * MIB)
    share.count(50 * MIB)
  }
  database.room.freeBytes = 9 * MIB
  database.pass(300)
  bytes.pass(300)
  await assert.rejects(new UploadRoom([database.meter], database.clock).enter(1), FULL)
})

test('a disk whose room cannot be measured refuses nothing', async () => {
  const meter = {
    measure: async () => Promise.reject(new Error('EIO')),
    floorOf: () => 1,
    takesUploads: true,
  }
  using share = await new UploadRoom([meter], () => 0).enter(1e15)
  share.count(1e15)
})
