import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { it } from 'node:test'
import { digestOf } from '../../oci/digest.ts'
import type { UploadId } from '../../oci/request.ts'
import { type BlobStoreFixture, describeBlobStore } from '../blob-store.suite.ts'
import { DiskBlobStore } from './disk-blob-store.ts'

async function openInTemporaryFolder(): Promise<BlobStoreFixture & { root: string }> {
  const root = await mkdtemp(join(tmpdir(), 'berth-blobs-'))
  const opened: DiskBlobStore[] = []
  const reopen = async (): Promise<DiskBlobStore> => {
    const store = await DiskBlobStore.open(root)
    opened.push(store)
    return store
  }
  return {
    root,
    store: await reopen(),
    reopen,
    async [Symbol.asyncDispose]() {
      await Promise.all(opened.map((store) => store.close()))
      await rm(root, { recursive: true })
    },
  }
}

describeBlobStore('DiskBlobStore', openInTemporaryFolder)

it("`DiskBlobStore` puts blobs where Distribution's tree has them", async () => {
  await using fixture = await openInTemporaryFolder()
  const digest = digestOf('abc')
  await fixture.store.put(digest, Buffer.from('abc'))
  const hex = digest.slice('sha256:'.length)
  const path = join(fixture.root, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data')
  assert.equal(await readFile(path, 'utf8'), 'abc')
})

it('a file in the place of a folder is a fault of the storage, and no upload is gone because of it', async () => {
  await using fixture = await openInTemporaryFolder()
  const { store, root } = fixture
  const id = 'a'.repeat(22) as UploadId
  const body = { algorithm: 'sha256', maxBytes: 100 } as const
  await store.append(id, { ...body, offset: 0, source: Readable.from([Buffer.from('abc')]) })
  const digest = digestOf('abc')
  const folder = join(root, 'docker/registry/v2/blobs/sha256')
  const inTheWay = join(folder, digest.slice('sha256:'.length, 'sha256:'.length + 2))
  await mkdir(folder, { recursive: true })
  await writeFile(inTheWay, '')
  await assert.rejects(store.commit(id, digest, 3), { code: 'UNAVAILABLE' })
  assert.equal(await store.stat(digest), undefined)
  await unlink(inTheWay)
  assert.equal(await store.commit(id, digest, 3), true)
  assert.deepEqual(await store.stat(digest), { size: 3 })
})
