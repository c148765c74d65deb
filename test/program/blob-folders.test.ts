import assert from 'node:assert/strict'
import { chown, mkdir, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runCommand } from '../support/machine/run-command.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'

const BERTH = fileURLToPath(new URL('../../bin/berth', import.meta.url))
const NOBODY = 65_534
const asNobody = process.getuid?.() === 0 ? false : 'needs root, to become another user'
const SHA256 = 'docker/registry/v2/blobs/sha256'
/** Every folder that another user may own, so that pushes fail. */
const PLACES = [
  'berth-uploads',
  'docker',
  'docker/registry',
  dirname(dirname(SHA256)),
  dirname(SHA256),
  SHA256,
  `${SHA256}/ab`,
  'docker/registry/v2/blobs/sha512/00',
]

for (const place of PLACES) {
  test(`a start names ${place} if another user owns it`, { skip: asNobody }, async () => {
    await using root = await makeTempFolder('storage')
    for (const folder of ['berth-uploads', place]) await mkdir(join(root.path, folder), { recursive: true })
    for (const name of ['', ...(await readdir(root.path, { recursive: true }))])
      await chown(join(root.path, name), NOBODY, NOBODY)
    await chown(join(root.path, place), 0, 0)
    const serve = ['serve', '--new', '--data', root.path, '--listen-http', '127.0.0.1:0']
    const { code, stderr } = await runCommand(BERTH, serve, { uid: NOBODY, timeoutMs: 30_000 })
    assert.equal(code, 1, stderr)
    assert.match(
      stderr,
      new RegExp(`^error\\[DATA_NOT_WRITABLE\\]: .* may not use .*${place} \\(its owner is`, 'm'),
    )
  })
}
