import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, open, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'
import { hashContent } from '../../oci/digest.ts'
import { DiskBlobStore } from './disk-blob-store.ts'
import { HashThread } from './hashes/hash-thread.ts'
import { asidePath, blobPath } from './layout.ts'

async function openStore(thread?: HashThread) {
  await using resources = new AsyncDisposableStack()
  const folder = resources.use(await makeTempFolder('verify'))
  const store = resources.adopt(await DiskBlobStore.open(folder.path, { thread }), (opened) => opened.close())
  const digest = hashContent('right')
  const path = blobPath(folder.path, digest)
  await mkdir(dirname(path), { recursive: true })
  const kept = resources.move()
  return {
    root: folder.path,
    store,
    digest,
    path,
    verify: () => store.verify(digest, { onRead: async () => {} }),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

test('`verify()` says that a folder or a pipe in the place of a blob is no file, and does not wait for a writer', async () => {
  await using t = await openStore()
  await mkdir(join(t.path, 'inside'), { recursive: true })
  assert.deepEqual(await t.verify(), { kind: 'no-file' })
  await rm(t.path, { recursive: true })
  execFileSync('mkfifo', [t.path])
  assert.deepEqual(await t.verify(), { kind: 'no-file' })
})

test('`verify()` gives the code with which a medium does not return the bytes', {
  skip: !existsSync('/proc/self/mem') && 'no file here fails with EIO',
}, async () => {
  await using t = await openStore()
  // The system answers EIO for an address that is not mapped, such as 0.
  await symlink('/proc/self/mem', t.path)
  assert.deepEqual(await t.verify(), { kind: 'unreadable', reason: 'EIO' })
  await rm(t.path)
  await symlink(t.path, t.path)
  assert.deepEqual(await t.verify(), { kind: 'unreadable', reason: 'ELOOP' })
})

test('`verify()` finds one changed bit of a large file on the thread for hashes, and two calls do not share buffers', async () => {
  await using t = await openStore(new HashThread())
  const bytes = randomBytes(5_000_003)
  const digests = (['sha256', 'sha512'] as const).map((algorithm) => hashContent(bytes, algorithm))
  for (const digest of digests) await t.store.put(digest, bytes)
  const verifyAll = () =>
    Promise.all(digests.map((digest) => t.store.verify(digest, { onRead: async () => {} })))
  const size = bytes.length
  assert.deepEqual(
    await verifyAll(),
    digests.map(() => ({ kind: 'whole', size })),
  )
  for (const digest of digests) {
    await using file = await open(blobPath(t.root, digest), 'r+')
    await file.write(Buffer.from([(bytes[4_999_999] ?? 0) ^ 0x80]), 0, 1, 4_999_999)
  }
  assert.deepEqual(
    await verifyAll(),
    digests.map(() => ({ kind: 'changed', size })),
  )
})

test('a thread for hashes that ends in the middle costs a second reading', async () => {
  const thread = new HashThread()
  await using t = await openStore(thread)
  const bytes = randomBytes(3_000_000)
  const digest = hashContent(bytes)
  await t.store.put(digest, bytes)
  let read = 0
  const onRead = async (length: number): Promise<void> => {
    read += length
    if (read < 1_000_000) await thread.close()
  }
  assert.deepEqual(await t.store.verify(digest, { onRead }), { kind: 'whole', size: bytes.length })
  assert.ok(read > bytes.length, `${read} bytes read`)
})

test('`setAside()` keeps the bytes of a file, and a folder with its content in place of an earlier file', async () => {
  await using t = await openStore()
  await writeFile(t.path, 'wrong')
  assert.equal(await t.store.setAside(t.digest), true)
  assert.equal(await readFile(asidePath(t.root, t.digest), 'utf8'), 'wrong')
  await mkdir(join(t.path, 'inside'), { recursive: true })
  assert.equal(await t.store.setAside(t.digest), true)
  assert.deepEqual(await readdir(asidePath(t.root, t.digest)), ['inside'])
  await writeFile(t.path, 'wrong again')
  assert.equal(await t.store.setAside(t.digest), true)
  assert.equal(await readFile(asidePath(t.root, t.digest), 'utf8'), 'wrong again')
  assert.equal(await t.store.dropAside(t.digest), true)
  assert.ok(!existsSync(asidePath(t.root, t.digest)))
})
