import assert from 'node:assert/strict'
import { chown, mkdir, readdir, rename, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { SmallDisk, whyNoMounts } from '../../../test/faults/small-disk.ts'
import { runCommand } from '../../../test/support/machine/run-command.ts'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'
import { checkStorage, createBlobPlace } from './blob-place.ts'

const NOBODY = 65_534
const asNobody = process.getuid?.() === 0 ? false : 'needs root, to become another user'
const SHA256 = 'docker/registry/v2/blobs/sha256'
/** Every folder that may be blocked by a file, or belong to another user, so that pushes fail. */
const FOLDERS = [
  'berth-uploads',
  'docker',
  'docker/registry',
  dirname(dirname(SHA256)),
  dirname(SHA256),
  SHA256,
]
const PREFIXES = [`${SHA256}/ab`, 'docker/registry/v2/blobs/sha512/00']

function checkFolder(registryRoot: string): Promise<void> {
  return checkStorage(createBlobPlace({ registryRoot }))
}

async function makeRoot(path: string, folders: readonly string[]): Promise<void> {
  for (const folder of ['berth-uploads', ...folders]) await mkdir(join(path, folder), { recursive: true })
}

for (const place of [...FOLDERS, ...PREFIXES]) {
  test(`\`checkStorage()\` finds a file in place of ${place}`, async () => {
    await using root = await makeTempFolder('storage')
    await makeRoot(root.path, [dirname(place)])
    if (place === 'berth-uploads') await rename(join(root.path, place), join(root.path, 'moved'))
    await writeFile(join(root.path, place), '')
    await assert.rejects(checkFolder(root.path), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'DATA_NOT_WRITABLE')
      assert.match(error.message, new RegExp(`A file stands at .*${place},`))
      return true
    })
  })
}

for (const place of FOLDERS) {
  test(`\`checkStorage()\` finds a link to a disk that is not mounted in place of ${place}`, async () => {
    await using root = await makeTempFolder('storage')
    await makeRoot(root.path, [dirname(place)])
    if (place === 'berth-uploads') await rename(join(root.path, place), join(root.path, 'moved'))
    await symlink(join(root.path, 'disk/blobs'), join(root.path, place))
    await assert.rejects(checkFolder(root.path), {
      code: 'DATA_NOT_WRITABLE',
      message: `${join(root.path, place)} is not there`,
      remedy: /mount it/,
    })
  })
}

test('`checkStorage()` takes an empty folder and a full one, and leaves nothing there', async () => {
  await using root = await makeTempFolder('storage')
  await makeRoot(root.path, [])
  await checkFolder(root.path)
  assert.deepEqual(await readdir(root.path, { recursive: true }), ['berth-uploads'])
  await makeRoot(root.path, PREFIXES)
  const before = await readdir(root.path, { recursive: true })
  await checkFolder(root.path)
  assert.deepEqual(await readdir(root.path, { recursive: true }), before)
})

test('a folder of another user above a mount of the blobs is no fault', { skip: asNobody }, async () => {
  await using root = await makeTempFolder('storage')
  await makeRoot(root.path, [SHA256])
  for (const name of ['', ...(await readdir(root.path, { recursive: true }))])
    await chown(join(root.path, name), NOBODY, NOBODY)
  for (const above of ['docker', 'docker/registry']) await chown(join(root.path, above), 0, 0)
  const url = new URL('./blob-place.ts', import.meta.url).href
  const script = `import { createBlobPlace, checkStorage } from ${JSON.stringify(url)}; await checkStorage(createBlobPlace({ registryRoot: process.argv[1] }))`
  const { code, stderr } = await runCommand(
    process.execPath,
    ['--input-type=module', '--eval', script, root.path],
    { uid: NOBODY },
  )
  assert.equal(code, 0, stderr)
})

const skip = await whyNoMounts()

for (const linked of ['berth-uploads', 'docker', SHA256]) {
  test(`\`checkStorage()\` finds ${linked} on another file system`, { skip }, async () => {
    await using root = await makeTempFolder('storage')
    await using disk = await SmallDisk.mount(4)
    await makeRoot(root.path, [linked])
    await rename(join(root.path, linked), join(root.path, 'moved'))
    await symlink(disk.path, join(root.path, linked))
    await assert.rejects(checkFolder(root.path), (error: Error & { code?: string; remedy?: string }) => {
      assert.equal(error.code, 'DATA_NOT_WRITABLE')
      assert.match(`${error.message} ${error.remedy}`, /not on the file system of the uploads.*one mount/)
      return true
    })
  })
}

test('`checkStorage()` lets a server start on a full disk', { skip }, async () => {
  await using disk = await SmallDisk.mount(1, { inodes: 8 })
  await makeRoot(disk.path, [SHA256])
  await writeFile(join(disk.path, 'last'), '')
  await checkFolder(disk.path)
})
