import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { runOk } from '../../test/support/machine/run-command.ts'
import { makeTempFolder } from '../../test/support/machine/temp-folder.ts'
import { readSmallFile } from './read-small-file.ts'

test('`readSmallFile()` reads regular files up to its bound, and waits for no pipe', async () => {
  await using folder = await makeTempFolder('small-file')
  const at = (name: string): string => join(folder.path, name)
  await writeFile(at('file'), 'twelve bytes')
  await mkdir(at('folder'))
  await runOk('mkfifo', [at('pipe')])
  assert.deepEqual(await readSmallFile(at('file'), 12), { text: 'twelve bytes' })
  assert.deepEqual(await readSmallFile(at('file'), 11), { problem: 'it is longer than 11 bytes' })
  for (const odd of [at('folder'), at('pipe'), '/dev/zero'])
    assert.deepEqual(await readSmallFile(odd, 12), { problem: 'it is no regular file' })
  await assert.rejects(readSmallFile(at('none'), 12), { code: 'ENOENT' })
})
