import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'
import type { BlobReader } from '../../blobs/blob-store.ts'
import { DiskBlobStore } from '../../blobs/disk/disk-blob-store.ts'
import { hashContent } from '../../oci/digest.ts'
import { BadSource, copyBlob } from './copy-blob.ts'

/** More than is copied through memory at once. */
const LARGE_BYTES = 400_000

/** Two stores; the first reads of the one that is copied from fail, or give wrong bytes. */
async function openStores(bytes: Buffer, badReads: ('fails' | 'wrong')[]) {
  await using resources = new AsyncDisposableStack()
  const temp = resources.use(await makeTempFolder('copy-blob'))
  const open = async (name: string) =>
    resources.adopt(await DiskBlobStore.open(`${temp.path}/${name}`), (store) => store.close())
  const [store, to] = [await open('from'), await open('to')]
  const digest = hashContent(bytes)
  await store.put(digest, bytes)
  const from: Pick<BlobReader, 'stat' | 'send'> = {
    stat: (one) => store.stat(one),
    async send(one, ranges, sink) {
      const bad = badReads.shift()
      if (bad === 'fails') throw Object.assign(new Error('EIO'), { code: 'EIO' })
      await store.send(one, ranges, bad === 'wrong' ? (part) => sink(Buffer.from(part).fill(0)) : sink)
    },
  }
  const kept = resources.move()
  return { from, to, digest, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

for (const bytes of [Buffer.from('small'), Buffer.alloc(LARGE_BYTES, 'large ')]) {
  for (const bad of ['fails', 'wrong'] as const) {
    test(`a blob of ${bytes.length} bytes is read once more if its read ${bad === 'fails' ? 'fails' : 'gives wrong bytes'}`, async () => {
      await using stores = await openStores(bytes, [bad])
      assert.equal(await copyBlob(stores), bytes.length)
      assert.equal((await stores.to.verify(stores.digest, { onRead: async () => {} })).kind, 'whole')
    })
  }

  test(`a blob of ${bytes.length} bytes is bad if both its reads fail`, async () => {
    await using stores = await openStores(bytes, ['wrong', 'fails'])
    await assert.rejects(copyBlob(stores), (error) => error instanceof BadSource && /EIO/.test(error.message))
    assert.equal(await stores.to.stat(stores.digest), undefined)
    assert.deepEqual(await stores.to.listStale(new Date(Date.now() + 60_000), 10), [])
  })
}
