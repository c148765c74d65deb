import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { digestOf } from '../../oci/digest.ts'
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
