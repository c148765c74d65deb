import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeTempFolder } from '../../../../test/support/machine/temp-folder.ts'
import { FileSync } from './file-sync.ts'

test('FileSync records each failure, and the error of one that was begun is that of the next', async () => {
  await using folder = await makeTempFolder('file-sync')
  let failures = 0
  const recordFailure = async (): Promise<void> => void failures++
  const absent = new FileSync(join(folder.path, 'absent'), recordFailure)
  absent.begin()
  absent.begin()
  await assert.rejects(absent.sync(), /exit code 1: the links may not be durable/)
  assert.equal(failures, 2)
  const present = new FileSync(folder.path, recordFailure)
  present.begin()
  await present.sync()
  assert.equal(failures, 2)
})
