import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { access, mkdir, mkdtemp, readFile, rm, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { it } from 'node:test'
import { type Digest, hashContent } from '../../oci/digest.ts'
import type { UploadId } from '../../oci/request.ts'
import { describeBlobStore } from '../blob-store.suite.ts'
import type { BlobPage, UploadProgress } from '../blob-store.ts'
import type { BlobStoreFixture } from '../blob-store-fixture.suite.ts'
import { DiskBlobStore } from './disk-blob-store.ts'
import { hashThreadIfUseful } from './hashes/hash-thread.ts'

async function openInTemporaryFolder(): Promise<BlobStoreFixture & { root: string }> {
  const root = await mkdtemp(join(tmpdir(), 'berth-blobs-'))
  const opened: DiskBlobStore[] = []
  const reopen = async (): Promise<DiskBlobStore> => {
    const store = await DiskBlobStore.open(root, { thread: hashThreadIfUseful() })
    opened.push(store)
    return store
  }
  return {
    root,
    hasUrls: false,
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
  const digest = hashContent('abc')
  await fixture.store.put(digest, Buffer.from('abc'))
  const hex = digest.slice('sha256:'.length)
  const path = join(fixture.root, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data')
  assert.equal(await readFile(path, 'utf8'), 'abc')
})

it('the folder of a deleted blob is removed with it, unless another file is there', async () => {
  await using fixture = await openInTemporaryFolder()
  const folderOf = (digest: Digest): string => {
    const hex = digest.slice('sha256:'.length)
    return join(fixture.root, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex)
  }
  const [alone, shared] = [hashContent('alone'), hashContent('shared')]
  for (const digest of [alone, shared]) await fixture.store.put(digest, Buffer.from('x'))
  await writeFile(join(folderOf(shared), 'note'), 'of another program')
  for (const digest of [alone, shared]) assert.equal(await fixture.store.delete(digest), true)
  await assert.rejects(access(folderOf(alone)), { code: 'ENOENT' })
  assert.equal(await readFile(join(folderOf(shared), 'note'), 'utf8'), 'of another program')
})

it('a blob can be stored when another process has just deleted one of the same digest', async () => {
  await using fixture = await openInTemporaryFolder()
  const digest = hashContent('abc')
  const another = await fixture.reopen()
  for (let times = 0; times < 100; times++) {
    await fixture.store.put(digest, Buffer.from('abc'))
    const deleting = another.delete(digest)
    // The facts exclude both at once. Where they are at once, the push may fail, but it cannot be lost in silence.
    const stored = await fixture.store.put(digest, Buffer.from('abc')).then(
      () => true,
      ({ code }) => assert.equal(code, 'UNAVAILABLE'),
    )
    await deleting
    if (!stored) await fixture.store.put(digest, Buffer.from('abc'))
  }
})

it('a file in the place of a folder is a fault of the storage, and no upload is gone because of it', async () => {
  await using fixture = await openInTemporaryFolder()
  const { store, root } = fixture
  const id = 'a'.repeat(22) as UploadId
  const from = store.beginUpload('sha256')
  const end = await store.append(id, { from, maxBytes: 100, source: Readable.from([Buffer.from('abc')]) })
  assert.ok(end)
  const digest = hashContent('abc')
  const folder = join(root, 'docker/registry/v2/blobs/sha256')
  const inTheWay = join(folder, digest.slice('sha256:'.length, 'sha256:'.length + 2))
  await mkdir(folder, { recursive: true })
  await writeFile(inTheWay, '')
  await assert.rejects(store.commit(id, end, digest), { code: 'UNAVAILABLE' })
  assert.equal(await store.stat(digest), undefined)
  await unlink(inTheWay)
  assert.equal(await store.commit(id, end, digest), digest)
  assert.deepEqual(await store.stat(digest), { size: 3 })
})

it('the state of an upload is the digest of exactly the bytes that are durable, also while a body comes', async () => {
  await using fixture = await openInTemporaryFolder()
  const { store } = fixture
  const bytes = randomBytes(150_000_000)
  const slices = Array.from({ length: 2_289 }, (_, at) => bytes.subarray(at * 65_536, (at + 1) * 65_536))
  const ends: UploadProgress[] = []
  const appended = await store.append('long'.padEnd(22, '_') as UploadId, {
    from: store.beginUpload('sha256'),
    source: Readable.from(slices),
    maxBytes: bytes.length,
    onDurable: async (end) => ends.push(end) > 0,
  })
  assert.ok(appended && ends.length > 0)
  for (const { offset, state } of [...ends, appended])
    assert.equal(state, hashContent(bytes.subarray(0, offset)))
})

it('an upload whose bytes are others than those of its digest does not go on', async () => {
  await using fixture = await openInTemporaryFolder()
  const id = 'b'.repeat(22) as UploadId
  const request = { maxBytes: 100, source: Readable.from([Buffer.from('abc')]) }
  const end = await fixture.store.append(id, { ...request, from: fixture.store.beginUpload('sha256') })
  assert.ok(end)
  await writeFile(join(fixture.root, 'berth-uploads', id), 'abX')
  const other = await fixture.reopen()
  const source = Readable.from([Buffer.from('def')])
  assert.equal(await other.append(id, { maxBytes: 100, source, from: end }), undefined)
})

it('a page of the list holds no folder without a file, nor what is no blob', async () => {
  await using fixture = await openInTemporaryFolder()
  const { store, root } = fixture
  const digests = ['a', 'b', 'c'].map((text) => hashContent(text)).sort()
  for (const digest of digests) await store.put(digest, Buffer.from('x'))
  const hex = (digests[1] ?? '').slice('sha256:'.length)
  const shelf = join(root, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2))
  await unlink(join(shelf, hex, 'data'))
  await mkdir(join(shelf, 'x'.repeat(64)))
  await writeFile(join(shelf, '..', 'stray'), '')
  const names: (string | undefined)[] = []
  let after: Digest | undefined
  do {
    const { blobs, next }: BlobPage = await store.list({ after, limit: 1 })
    names.push(...blobs.map(({ digest }) => digest))
    after = next
  } while (after)
  assert.deepEqual(names, [digests[0], digests[2]])
})
