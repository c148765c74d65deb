import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'
import { hashContent } from '../../oci/digest.ts'
import { OciError } from '../../oci/errors.ts'
import type { UploadId } from '../../oci/request.ts'
import { UnusablePlaceError } from '../blob-place.ts'
import { createDiskPlace } from './disk-place.ts'
import { blobPath } from './layout.ts'

const FACTS = 'docker/registry/v2/repositories'

test('a folder that is not there is made for its owner alone when the store is opened, not before', async () => {
  await using temp = await makeTempFolder('place')
  const root = join(temp.path, 'a', 'b')
  const place = createDiskPlace(root)
  assert.deepEqual(place.folders, [root])
  assert.equal(await place.findOwnBlobs(), undefined)
  assert.equal(await place.findForeignRepositories(), undefined)
  assert.deepEqual(await readdir(temp.path), [])
  const store = await place.open()
  await store.check()
  await place.probe()
  assert.deepEqual(await readdir(root), ['berth-uploads'])
  assert.equal(place.sharesDiskWith(temp.path), true)
  await store.close()
})

test('a place that cannot be used says which part', async () => {
  await using temp = await makeTempFolder('place')
  const file = join(temp.path, 'file')
  await writeFile(file, '')
  for (const [root, part] of [
    [join(file, 'below'), join(file, 'below')],
    [temp.path, undefined],
  ] as const) {
    // Of the second one only the folder of uploads is in use by a file.
    if (root === temp.path) await writeFile(join(root, 'berth-uploads'), '')
    await assert.rejects(createDiskPlace(root).open(), (error) => {
      assert.ok(error instanceof UnusablePlaceError && error.cause instanceof Error)
      assert.equal(error.part, part)
      return true
    })
  }
})

test('blobs are own ones unless a Distribution registry has kept its facts beside them', async () => {
  await using temp = await makeTempFolder('place')
  const place = createDiskPlace(temp.path)
  const digest = hashContent('x')
  await mkdir(dirname(blobPath(temp.path, digest)), { recursive: true })
  const blobs = join(temp.path, 'docker/registry/v2/blobs')
  assert.equal(await place.findOwnBlobs(), blobs)
  await mkdir(join(temp.path, FACTS))
  assert.equal(await place.findOwnBlobs(), undefined)
  assert.equal(await place.findForeignRepositories(), undefined, 'an empty folder has no repositories')
  await mkdir(join(temp.path, FACTS, 'app'))
  assert.equal(await place.findForeignRepositories(), join(temp.path, FACTS))
  const store = await place.open()
  await store.close()
  assert.equal(await place.findOwnBlobs(), blobs, 'once Berth has used the folder')
})

test('a write that is refused before it begins writes nothing', async () => {
  await using temp = await makeTempFolder('place')
  let isRefused = false
  const store = await createDiskPlace(temp.path).open({
    beforeWrite: () => {
      if (isRefused) throw new OciError('STORAGE_FULL')
    },
  })
  const digest = hashContent('x')
  await store.put(digest, Buffer.from('x'))
  isRefused = true
  const id = 'A'.repeat(22) as UploadId
  const request = { from: store.beginUpload('sha256'), source: Readable.from(['y']), maxBytes: 9 }
  await assert.rejects(store.append(id, request), { code: 'STORAGE_FULL' })
  await assert.rejects(store.put(hashContent('y'), Buffer.from('y')), { code: 'STORAGE_FULL' })
  assert.deepEqual(await readdir(join(temp.path, 'berth-uploads')), [])
  assert.equal(await store.delete(digest), true, 'deleting frees room')
  await store.close()
})

test('a folder in the place of a blob makes room, and what it held is kept beside', async () => {
  await using temp = await makeTempFolder('place')
  const store = await createDiskPlace(temp.path).open()
  for (const content of [undefined, 'held']) {
    const digest = hashContent(content ?? 'empty')
    const path = blobPath(temp.path, digest)
    await mkdir(path, { recursive: true })
    if (content !== undefined) await writeFile(join(path, 'file'), content)
    assert.equal(await store.stat(digest), undefined)
    assert.deepEqual(
      (await store.list({ limit: 9 })).blobs.filter((blob) => blob.digest === digest),
      [],
    )
    await store.put(digest, Buffer.from('x'))
    assert.deepEqual(await store.stat(digest), { size: 1 })
    const beside = (await readdir(dirname(path))).filter((name) => name !== 'data')
    assert.equal(beside.length, content === undefined ? 0 : 1)
    for (const name of beside)
      assert.equal(await readFile(join(dirname(path), name, 'file'), 'utf8'), content)
  }
  await store.close()
})

test('a fault of the disk is answered as such, and is no absent blob', async () => {
  await using temp = await makeTempFolder('place')
  const store = await createDiskPlace(temp.path).open()
  const digest = hashContent('x')
  const path = blobPath(temp.path, digest)
  await mkdir(dirname(dirname(path)), { recursive: true })
  // A link to itself cannot be followed by anybody, root included.
  await symlink(dirname(path), dirname(path))
  const unavailable = { code: 'UNAVAILABLE' }
  await assert.rejects(store.stat(digest), unavailable)
  await assert.rejects(store.list({ limit: 9 }), unavailable)
  await assert.rejects(
    store.send(digest, [{ start: 0, end: 1 }], async () => {}),
    unavailable,
  )
  const id = 'A'.repeat(22) as UploadId
  await symlink(join(temp.path, 'berth-uploads', id), join(temp.path, 'berth-uploads', id))
  await assert.rejects(store.canResume(id, { offset: 1, state: digest }), unavailable)
  await store.close()
})
