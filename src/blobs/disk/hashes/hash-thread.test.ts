import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, open, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { setImmediate, setTimeout } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import { type DigestAlgorithm, hashContent } from '../../../oci/digest.ts'
import type { UploadId } from '../../../oci/request.ts'
import { DiskBlobStore } from '../disk-blob-store.ts'
import { uploadPath } from '../layout.ts'
import { HashThread } from './hash-thread.ts'
import { RunningHashes } from './running-hashes.ts'
import { InLineHash, type UploadHash } from './upload-hash.ts'

const MIB = 1024 * 1024
const REQUEST = { from: { offset: 0, state: hashContent('') }, maxBytes: Number.MAX_SAFE_INTEGER } as const

interface Room extends AsyncDisposable {
  readonly folder: string
  readonly thread: HashThread
  /** Threads that were started since. */
  readonly workers: Worker[]
  /** Of each loss, whether it was the last. */
  readonly losses: boolean[]
  begin(held: Buffer, algorithm?: DigestAlgorithm): Promise<UploadHash>
}

async function openRoom(): Promise<Room> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-hashes-'))
  const losses: boolean[] = []
  const thread = new HashThread(({ error, isLast }) => {
    assert.match(String(error), /exit code/)
    losses.push(isLast)
  })
  const workers: Worker[] = []
  const onWorker = (worker: Worker): void => void workers.push(worker)
  process.on('worker', onWorker)
  let files = 0
  return {
    folder,
    thread,
    workers,
    losses,
    async begin(held, algorithm = 'sha256') {
      const path = join(folder, `file-${++files}`)
      const written = writeFile(path, held)
      return thread.begin({ algorithm, path, size: held.length, written })
    },
    async [Symbol.asyncDispose]() {
      process.off('worker', onWorker)
      await thread.close()
      await rm(folder, { recursive: true })
    },
  }
}

/** Stalls the thread until the result is called: it opens a pipe without a writer. */
async function stall({ folder, thread }: Room): Promise<() => Promise<void>> {
  const path = join(folder, 'pipe')
  execFileSync('mkfifo', [path])
  thread.begin({ algorithm: 'sha256', path, size: 1, written: Promise.resolve() })
  return async () => {
    const pipe = await open(path, 'w')
    await pipe.write('x')
    await pipe.close()
  }
}

function id(name: string): UploadId {
  return name.padEnd(22, '_') as UploadId
}

function* slices(bytes: Buffer, length = 16_384): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}

test('`HashThread` begins with what a file holds, and tells the digest of exactly what it was given', async () => {
  await using room = await openRoom()
  for (const algorithm of ['sha256', 'sha512'] as const) {
    const all = randomBytes(3 * MIB)
    const hash = await room.begin(all.subarray(0, 700_000), algorithm)
    const updates = [hash.update(all.subarray(700_000, 700_001)), hash.update(all.subarray(700_001, 2 * MIB))]
    assert.equal(await hash.digest(), hashContent(all.subarray(0, 2 * MIB), algorithm))
    await Promise.all(updates)
    await hash.update(all.subarray(2 * MIB))
    assert.equal(await hash.digest(), hashContent(all, algorithm))
    hash.drop()
    assert.equal(await hash.digest(), undefined)
  }
  assert.equal(room.workers.length, 1)
})

test('`HashThread` keeps hashes apart that are fed in turn', async () => {
  await using room = await openRoom()
  const contents = Array.from({ length: 9 }, () => randomBytes(300_000))
  const hashes = await Promise.all(contents.map((bytes) => room.begin(bytes.subarray(0, 1_000))))
  for (let at = 1_000; at < 300_000; at += 29_900) {
    for (const [index, bytes] of contents.entries())
      void hashes[index]?.update(bytes.subarray(at, at + 29_900))
  }
  const digests = await Promise.all(hashes.map((hash) => hash.digest()))
  assert.deepEqual(
    digests,
    contents.map((bytes) => hashContent(bytes)),
  )
})

test('`HashThread` has lost the hash of a file that is gone or ends early', async () => {
  await using room = await openRoom()
  const begin = (path: string, written = Promise.resolve()): UploadHash =>
    room.thread.begin({ algorithm: 'sha256', path, size: 10, written })
  await writeFile(join(room.folder, 'short'), 'abc')
  for (const hash of [begin(join(room.folder, 'none')), begin(join(room.folder, 'short'))]) {
    await hash.update(Buffer.from('x'))
    assert.equal(await hash.digest(), undefined)
  }
  const unwritten = begin(join(room.folder, 'short'), Promise.reject(new Error('the disk is full')))
  await unwritten.update(Buffer.from('x'))
  assert.equal(await unwritten.digest(), undefined)
})

test('`HashThread` answers what waits when it is ended, and is not started without end', async () => {
  await using room = await openRoom()
  for (let losses = 1; losses <= 3; losses++) {
    assert.equal(room.thread.isUsable, true)
    const hash = await room.begin(Buffer.from('abc'))
    assert.equal(await hash.digest(), hashContent('abc'))
    const waiting = [hash.update(Buffer.alloc(MIB)), hash.digest()]
    await room.workers.at(-1)?.terminate()
    await Promise.all(waiting)
    assert.equal(await hash.digest(), undefined)
    assert.equal(room.workers.length, losses)
  }
  assert.equal(room.thread.isUsable, false)
  assert.deepEqual(room.losses, [false, false, true])
  assert.equal(await (await room.begin(Buffer.from('abc'))).digest(), undefined)
  assert.equal(room.workers.length, 3)
})

test('`RunningHashes` frees on the thread what makes room, is dropped or does not fit', async () => {
  await using room = await openRoom()
  const running = new RunningHashes(2)
  const hashes = await Promise.all(['a', 'b', 'c', 'd'].map((text) => room.begin(Buffer.from(text))))
  for (const [index, hash] of hashes.entries()) {
    running.keep(id(`u${index}`), { algorithm: 'sha256', offset: 1, hash })
  }
  assert.equal(running.take(id('u0'), 'sha256', 1), undefined)
  assert.equal(running.take(id('u2'), 'sha256', 2), undefined)
  const kept = running.take(id('u3'), 'sha256', 1)
  assert.equal(kept, hashes[3])
  assert.equal(await kept?.digest(), hashContent('d'))
  for (const hash of hashes.slice(0, 3)) assert.equal(await hash.digest(), undefined)
  assert.ok(running.take(id('u3'), 'sha256', 0) instanceof InLineHash)
})

test('no thread is started for small uploads', async () => {
  await using room = await openRoom()
  const store = await DiskBlobStore.open(room.folder, { thread: room.thread })
  for (let size = 1; size <= 2 * MIB; size *= 2) {
    await store.append(id(`small-${size}`), { ...REQUEST, source: Readable.from(slices(randomBytes(size))) })
  }
  assert.equal(room.workers.length, 0)
})

test('a buffer is used again only after it was hashed, and the sender is held back until then', async () => {
  await using room = await openRoom()
  const store = await DiskBlobStore.open(room.folder, { thread: room.thread })
  const goOn = await stall(room)
  const bytes = randomBytes(24 * MIB)
  let sent = 0
  const source = Readable.from(
    (function* () {
      for (const slice of slices(bytes)) {
        sent += slice.length
        yield slice
      }
    })(),
  )
  const appending = store.append(id('slow'), { ...REQUEST, source })
  const stored = async (): Promise<number> =>
    (await stat(uploadPath(room.folder, id('slow'))).catch(() => undefined))?.size ?? 0
  try {
    while ((await stored()) < 3 * MIB) await setImmediate()
    // All bytes are accepted, by and by; only the hash is missing.
    for (let before = -1; before !== sent; await setTimeout(50)) before = sent
    assert.ok(sent < 8 * MIB, `${sent} bytes were taken while none could be hashed`)
  } finally {
    await goOn()
  }
  assert.equal((await appending)?.state, hashContent(bytes))
})

test('uploads whose thread ends half-way have the right digests, and go on', async () => {
  await using room = await openRoom()
  const store = await DiskBlobStore.open(room.folder, { thread: room.thread })
  const contents = [6, 9, 12, 15].map((mib) => randomBytes(mib * MIB + 17))
  let sent = 0
  let isEnded = false
  const sending = contents.map(async (bytes, index) => {
    const first = bytes.subarray(0, 5 * MIB)
    const counted = (function* () {
      for (const slice of slices(first)) {
        sent += slice.length
        if (sent > 15 * MIB && !isEnded) {
          isEnded = true
          void room.workers[0]?.terminate()
        }
        yield slice
      }
    })()
    const appended = await store.append(id(`u${index}`), { ...REQUEST, source: Readable.from(counted) })
    assert.equal(appended?.state, hashContent(first))
    const source = Readable.from(slices(bytes.subarray(first.length)))
    const ended = await store.append(id(`u${index}`), { ...REQUEST, from: appended, source })
    assert.deepEqual(ended, { offset: bytes.length, state: hashContent(bytes), interruption: undefined })
    assert.equal(await store.commit(id(`u${index}`), ended, hashContent(bytes)), hashContent(bytes))
  })
  await Promise.all(sending)
  assert.equal(isEnded, true)
})

test('an upload that is cancelled while the thread is lost is answered as gone', async () => {
  await using room = await openRoom()
  const store = await DiskBlobStore.open(room.folder, { thread: room.thread })
  const source = new Readable({ read() {} })
  for (const slice of slices(randomBytes(6 * MIB))) source.push(slice)
  const appending = store.append(id('gone'), { ...REQUEST, source })
  while (room.workers.length === 0) await setImmediate()
  await room.workers[0]?.terminate()
  await store.discard(id('gone'))
  source.push(null)
  assert.equal(await appending, undefined)
})

test('a session of many requests keeps its hash on the thread', async () => {
  await using room = await openRoom()
  const store = await DiskBlobStore.open(room.folder, { thread: room.thread })
  const bytes = randomBytes(20 * MIB)
  const hash = createHash('sha512')
  let offset = 0
  for (const size of [3 * MIB, 1, 5 * MIB + 3, 70_000, 6 * MIB]) {
    const part = bytes.subarray(offset, offset + size)
    const from = { offset, state: `sha512:${hash.copy().digest('hex')}` }
    hash.update(part)
    const source = Readable.from(slices(part))
    const request = { ...REQUEST, from, source }
    const appended = await store.append(id('many'), request)
    offset += size
    assert.deepEqual(appended, {
      offset,
      state: `sha512:${hash.copy().digest('hex')}`,
      interruption: undefined,
    })
  }
  assert.equal(room.workers.length, 1)
})
