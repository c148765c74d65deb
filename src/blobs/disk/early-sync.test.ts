import assert from 'node:assert/strict'
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { EarlySyncs } from './early-sync.ts'

const MUCH = 64 * 1024 * 1024
/** Of a slow body it is enough. */
const SOME = 4 * 1024 * 1024

test('`EarlySyncs` tells a failure at the end, and syncs the file no more', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'berth-sync-'))
  const syncs = new EarlySyncs()
  try {
    const file = await open(join(folder, 'broken'), 'w')
    const broken = syncs.follow(file)
    await file.close()
    broken.count(MUCH - 1)
    await broken.ended()
    broken.count(1)
    await assert.rejects(broken.ended(), { code: 'EBADF' })
    broken.count(MUCH)
    await assert.rejects(broken.ended(), { code: 'EBADF' })

    await using other = await open(join(folder, 'other'), 'w')
    const early = syncs.follow(other)
    early.count(MUCH)
    await early.ended()
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('`EarlySyncs` has what is done with durable bytes wait until they are written', async () => {
  await using room = await openFile()
  const early = new EarlySyncs().follow(room.file)
  const { promise: written, resolve } = Promise.withResolvers<void>()
  let done = 0
  early.count(MUCH, () => ({ written, onDurable: async () => void done++ }))
  await room.file.datasync()
  assert.equal(done, 0)
  resolve()
  await early.ended()
  assert.equal(done, 1)
})

test('`EarlySyncs` does nothing with bytes that could not be written', async () => {
  await using room = await openFile()
  const syncs = new EarlySyncs()
  const early = syncs.follow(room.file)
  const written = Promise.reject(new Error('disk full'))
  const onDurable = (): Promise<void> => assert.fail('they are not durable')
  early.count(MUCH, () => ({ written, onDurable }))
  await assert.rejects(early.ended(), /disk full/)
  const other = syncs.follow(room.file)
  other.count(MUCH)
  await other.ended()
})

test('`EarlySyncs` begins with fewer bytes of a slow body', async () => {
  await using room = await openFile()
  const clock = { now: 0 }
  const early = new EarlySyncs(() => clock.now).follow(room.file)
  let points = 0
  const count = async (bytes: number, atMs: number): Promise<number> => {
    clock.now = atMs
    early.count(bytes, () => ({ written: Promise.resolve(), onDurable: async () => void points++ }))
    await early.ended()
    return points
  }
  assert.equal(await count(SOME, 9_999), 0)
  assert.equal(await count(1, 10_000), 1)
  assert.equal(await count(SOME - 1, 60_000), 1)
  assert.equal(await count(1, 60_001), 2)
  assert.equal(await count(SOME, 70_000), 2)
})

async function openFile(): Promise<{ readonly file: FileHandle } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-sync-'))
  const file = await open(join(folder, 'file'), 'w')
  return {
    file,
    async [Symbol.asyncDispose]() {
      await file.close()
      await rm(folder, { recursive: true })
    },
  }
}
