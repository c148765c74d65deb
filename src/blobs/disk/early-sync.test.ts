import assert from 'node:assert/strict'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { EarlySyncs } from './early-sync.ts'

const MUCH = 64 * 1024 * 1024

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
