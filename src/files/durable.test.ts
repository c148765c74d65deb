import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeTempFolder } from '../../test/support/machine/temp-folder.ts'
import { makeFolder, makeMissingFolders } from './durable.ts'

test('`makeMissingFolders` makes what is missing, says what was the first, and takes what stands', async () => {
  await using temp = await makeTempFolder('durable')
  const deep = join(temp.path, 'a', 'b', 'c')
  assert.equal(await makeMissingFolders(deep, 0o700), join(temp.path, 'a'))
  assert.equal((await stat(join(temp.path, 'a'))).mode & 0o777, 0o700)
  assert.equal(await makeMissingFolders(deep, 0o700), undefined)
  const together = Array.from({ length: 8 }, () => makeFolder(join(temp.path, 'x', 'y')))
  await Promise.all(together)
  await writeFile(join(temp.path, 'file'), '')
  await assert.rejects(makeFolder(join(temp.path, 'file')), { code: 'EEXIST' })
  await assert.rejects(makeFolder(join(temp.path, 'file', 'below')), { code: 'ENOTDIR' })
})

test('a folder that cannot be made where its parent stands is an error at once', {
  skip: existsSync('/proc/self') ? false : 'needs /proc',
  timeout: 60_000,
}, async () => {
  await assert.rejects(makeFolder('/proc/berth-cannot-be-made'), { code: 'ENOENT' })
  await assert.rejects(makeFolder('/proc/berth-cannot-be-made/below'), { code: 'ENOENT' })
})
