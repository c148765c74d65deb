import assert from 'node:assert/strict'
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeTempFolder } from '../../test/support/machine/temp-folder.ts'
import { Headroom } from './headroom.ts'

/** More than some pieces of a write, and much less than the file, which has 8 MiB on all but small disks; in bytes. */
const BUFFERS_BYTES = 512 * 1024

test('the headroom is written from one buffer, however large it is', async () => {
  await using folder = await makeTempFolder('headroom')
  const headroom = new Headroom(folder.path)
  const before = process.memoryUsage().arrayBuffers
  assert.equal(await headroom.restore(), true)
  const added = process.memoryUsage().arrayBuffers - before
  const file = join(folder.path, 'headroom')
  const { size } = await stat(file)
  await rm(file)
  assert.ok(size > BUFFERS_BYTES, `the file has ${size} bytes`)
  assert.ok(added < BUFFERS_BYTES, `its buffers take ${added} bytes`)
})
