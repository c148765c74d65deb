import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { hashContent } from '../oci/digest.ts'
import { MAX_STATE_LENGTH, type UploadProgress } from './blob-store.ts'
import { type BlobStoreFixture, readBlob } from './blob-store-fixture.suite.ts'
import { splitChunks, Upload } from './upload-of-store.suite.ts'

/** The contract of `UploadStore`, run over every adapter. */
export function describeUploads(name: string, open: () => Promise<BlobStoreFixture>): void {
  describe(`${name} as a store of uploads`, () => {
    it('makes an upload in one body a blob, for both algorithms', async () => {
      await using fixture = await open()
      for (const algorithm of ['sha256', 'sha512'] as const) {
        const bytes = randomBytes(6_000_001)
        const upload = new Upload(fixture.store, `one-${algorithm}`, algorithm)
        assert.deepEqual(await upload.append(bytes), { offset: bytes.length, interruption: undefined })
        const digest = hashContent(bytes, algorithm)
        assert.equal(await upload.commit(digest), digest)
        assert.ok(bytes.equals(await readBlob(fixture.store, digest, bytes.length)))
        assert.equal(await upload.canResume(), false)
      }
    })

    it('makes an empty upload the empty blob', async () => {
      await using fixture = await open()
      const upload = new Upload(fixture.store, 'none')
      assert.equal(await upload.canResume(), true)
      assert.equal(await upload.commit(hashContent('')), hashContent(''))
      assert.deepEqual(await fixture.store.stat(hashContent('')), { size: 0 })
      const other = new Upload(fixture.store, 'none-512')
      assert.equal(await other.commit(hashContent('', 'sha512')), hashContent('', 'sha512'))
    })

    it('ends a request before a part that is refused, and goes on from the progress before it', async () => {
      await using fixture = await open()
      const upload = new Upload(fixture.store, 'refused')
      await upload.append(Buffer.from('begin, '))
      let bytes = 0
      const beforePart = (more: number): void => {
        bytes += more
        throw new Error('no room')
      }
      const { store, id, progress: from } = upload
      const source = Readable.from([randomBytes(100_000)], { objectMode: false })
      const request = { from, source, maxBytes: 1e6, beforePart }
      await assert.rejects(store.append(id, request), { message: 'no room' })
      assert.ok(bytes > 0 && bytes <= 100_000, `${bytes} bytes`)
      await upload.append(Buffer.from('end'))
      assert.equal(await upload.commit(hashContent('begin, end')), hashContent('begin, end'))
    })

    it('takes a body without a byte', async () => {
      await using fixture = await open()
      const upload = new Upload(fixture.store, 'empty')
      await upload.append(Buffer.alloc(0))
      await upload.append(Buffer.from('abc'))
      await upload.append(Buffer.alloc(0))
      assert.equal(upload.progress.offset, 3)
      assert.equal(await upload.commit(hashContent('abc')), hashContent('abc'))
    })

    it('goes on in another instance from the progress that is handed to it, each time', async () => {
      await using fixture = await open()
      const bytes = randomBytes(23_000_000)
      const upload = new Upload(fixture.store, 'moves')
      const ends = [1, 2, 4_999_999, 5_242_881, 11_000_000, 11_000_001, 22_000_000, bytes.length]
      let at = 0
      for (const end of ends) {
        upload.store = await fixture.reopen()
        assert.equal(await upload.canResume(), true)
        await upload.append(bytes.subarray(at, end))
        assert.equal(upload.progress.offset, end)
        at = end
      }
      upload.store = await fixture.reopen()
      assert.equal(await upload.commit(hashContent(bytes)), hashContent(bytes))
      assert.ok(bytes.equals(await readBlob(fixture.store, hashContent(bytes), bytes.length)))
    })

    it('drops what lies behind the progress it goes on from', async () => {
      await using fixture = await open()
      for (const [name, size] of Object.entries({ cut: 3, 'cut-long': 12_000_000 })) {
        const upload = new Upload(fixture.store, name)
        const kept = randomBytes(size)
        await upload.append(kept)
        const before = upload.progress
        await upload.append(randomBytes(size + 7))
        // As if the process had ended before its caller could keep the progress.
        upload.progress = before
        assert.equal(await upload.canResume(), true)
        await upload.append(Buffer.from('end'))
        assert.equal(upload.progress.offset, size + 3)
        const digest = hashContent(Buffer.concat([kept, Buffer.from('end')]))
        assert.equal(await upload.commit(digest), digest)
        assert.deepEqual(await fixture.store.stat(digest), { size: size + 3 })
      }
    })

    it('makes a blob of the bytes that count, where more are there', async () => {
      await using fixture = await open()
      const upload = new Upload(fixture.store, 'more')
      await upload.append(Buffer.from('abc'))
      const before = upload.progress
      await upload.append(Buffer.from('XXX'))
      upload.progress = before
      assert.equal(await upload.commit(hashContent('abc')), hashContent('abc'))
      assert.deepEqual(await fixture.store.stat(hashContent('abc')), { size: 3 })
    })

    it('does not go on where the bytes of the progress are lost', async () => {
      await using fixture = await open()
      const upload = new Upload(fixture.store, 'lost')
      await upload.append(Buffer.from('abc'))
      await (await fixture.reopen()).discard(upload.id)
      assert.equal(await upload.canResume(), false)
      assert.equal(await upload.commit(hashContent('abc')), undefined)
      assert.equal(await upload.commit(hashContent('abc', 'sha512')), undefined)
      assert.equal(await upload.append(Buffer.from('def')), undefined)
      assert.equal(await fixture.store.stat(hashContent('abc')), undefined)
    })

    it('commits once more where the success of the first time was not kept, to any instance', async () => {
      await using fixture = await open()
      for (const text of ['abc', '']) {
        const upload = new Upload(fixture.store, 'again')
        if (text !== '') await upload.append(Buffer.from(text))
        assert.equal(await upload.commit(hashContent(text)), hashContent(text))
        upload.store = await fixture.reopen()
        assert.equal(await upload.commit(hashContent(text)), hashContent(text))
        assert.equal((await fixture.store.stat(hashContent(text)))?.size, text.length)
        await fixture.store.delete(hashContent(text))
        if (text !== '') assert.equal(await upload.commit(hashContent(text)), undefined)
      }
    })

    it('does not go on from a state that another kind of store has written', async () => {
      await using fixture = await open()
      for (const state of ['', 'x', '{}', '{"parts":[]}', 'null', 'é'.repeat(MAX_STATE_LENGTH)]) {
        for (const offset of [0, 3]) {
          const upload = new Upload(fixture.store, 'foreign')
          upload.progress = { offset, state }
          assert.equal(await upload.canResume(), false, state)
          assert.equal(await upload.append(Buffer.from('x')), undefined)
          assert.equal(await upload.commit(hashContent('')), undefined)
        }
      }
    })

    it('stores nothing where the digest is another one, and says which it is', async () => {
      await using fixture = await open()
      for (const algorithm of ['sha256', 'sha512'] as const) {
        const upload = new Upload(fixture.store, `wrong-${algorithm}`)
        await upload.append(Buffer.from('abc'))
        assert.equal(await upload.commit(hashContent('abd', algorithm)), hashContent('abc', algorithm))
        assert.deepEqual((await fixture.store.list({ limit: 9 })).blobs, [])
      }
    })

    it('takes a digest of another algorithm than the upload began with', async () => {
      await using fixture = await open()
      const bytes = randomBytes(7_000_000)
      const upload = new Upload(fixture.store, 're', 'sha512')
      await upload.append(bytes)
      assert.equal(await upload.commit(hashContent(bytes)), hashContent(bytes))
      assert.ok(bytes.equals(await readBlob(fixture.store, hashContent(bytes), bytes.length)))
    })

    it('makes one blob of uploads of the same bytes that end at once', async () => {
      await using fixture = await open()
      const bytes = randomBytes(300_000)
      const digest = hashContent(bytes)
      const uploads = Array.from({ length: 8 }, (_, index) => new Upload(fixture.store, `same-${index}`))
      await Promise.all(uploads.map((upload) => upload.append(bytes)))
      const committed = await Promise.all(uploads.map((upload) => upload.commit(digest)))
      assert.deepEqual(new Set(committed), new Set([digest]))
      assert.ok(bytes.equals(await readBlob(fixture.store, digest, bytes.length)))
    })

    it('says how far a long body is durable while it comes, and goes on from there after a crash', async () => {
      await using fixture = await open()
      const bytes = randomBytes(150_000_000)
      const upload = new Upload(fixture.store, 'long')
      const ends: UploadProgress[] = []
      const request = {
        ...upload.request(bytes),
        onDurable: async (end: UploadProgress) => ends.push(end) > 0,
      }
      const appended = await fixture.store.append(upload.id, request)
      assert.equal(appended?.offset, bytes.length)
      assert.ok(ends.length > 0, 'it was never called')
      let before = 0
      for (const { offset, state } of ends) {
        assert.ok(offset > before && offset <= bytes.length, `${offset} after ${before}`)
        assert.ok(state.length <= MAX_STATE_LENGTH)
        before = offset
      }
      upload.store = await fixture.reopen()
      upload.progress = ends.at(-1) ?? assert.fail()
      await upload.append(Buffer.from('end'))
      const digest = hashContent(Buffer.concat([bytes.subarray(0, before), Buffer.from('end')]))
      assert.equal(await upload.commit(digest), digest)
    })

    it('keeps what a vanished sender sent', async () => {
      await using fixture = await open()
      const source = new Readable({ read() {} })
      source.push(Buffer.from('abc'))
      source.once('data', () => setImmediate(() => source.destroy(new Error('reset'))))
      source.pause()
      const upload = new Upload(fixture.store, 'gone')
      assert.deepEqual(await upload.take(source), { offset: 3, interruption: 'vanished' })
      assert.equal(await upload.commit(hashContent('abc')), hashContent('abc'))
    })

    it('goes on to the right digest after an interruption at any point', async () => {
      await using fixture = await open()
      const bytes = randomBytes(7_000_000)
      const points = [1, 65_537, 1_000_000, 2_097_151, 2_162_688, 2_200_000, 4_500_000, 5_300_000, 6_999_999]
      await Promise.all(
        points.flatMap((point) =>
          (['sha256', 'sha512'] as const).map(async (algorithm) => {
            const upload = new Upload(fixture.store, `${algorithm.slice(3)}-${point}`, algorithm)
            const first = Readable.from(failAfter(splitChunks(bytes.subarray(0, point))))
            assert.equal((await upload.take(first))?.interruption, 'vanished')
            await upload.append(bytes.subarray(upload.progress.offset))
            const digest = hashContent(bytes, algorithm)
            assert.equal(await upload.commit(digest), digest, `cut at ${point}`)
          }),
        ),
      )
    })

    it('remembers no hash of bytes that did not count', async () => {
      await using fixture = await open()
      const upload = new Upload(fixture.store, 'other')
      await upload.append(Buffer.from('abc'))
      const before = upload.progress
      await upload.append(Buffer.from('def'))
      // As if another process had put other bytes there meanwhile.
      upload.progress = before
      upload.store = await fixture.reopen()
      await upload.append(Buffer.from('xyz'))
      upload.store = fixture.store
      await upload.append(Buffer.from('!'))
      assert.equal(await upload.commit(hashContent('abcxyz!')), hashContent('abcxyz!'))
    })

    it('takes no more than it may', async () => {
      await using fixture = await open()
      const upload = new Upload(fixture.store, 'big')
      const source = Readable.from([Buffer.from('abc'), Buffer.from('def')])
      const appended = await upload.take(source, { maxBytes: 5 })
      assert.deepEqual(appended, { offset: 3, interruption: 'too-large' })
    })

    it('only reads the chunks, and says of each that it needs it no more', async () => {
      await using fixture = await open()
      const chunks = [...splitChunks(randomBytes(1_300_000), 1_777)]
      const copies = chunks.map((chunk) => Buffer.from(chunk))
      const released: Buffer[] = []
      const upload = new Upload(fixture.store, 'small')
      await upload.take(Readable.from(chunks), {
        release: (chunk) => {
          released.push(chunk)
          assert.ok(copies[released.length - 1]?.equals(chunk), 'it was written to')
          chunk.fill(0)
        },
      })
      assert.equal(released.length, chunks.length)
      const digest = hashContent(Buffer.concat(copies))
      assert.equal(await upload.commit(digest), digest)
    })

    it('takes many uploads at once', async () => {
      await using fixture = await open()
      const all = Array.from({ length: 40 }, () => randomBytes(300_000))
      await Promise.all(
        all.map(async (bytes, index) => {
          const upload = new Upload(fixture.store, `many-${index}`)
          await upload.append(bytes)
          assert.equal(await upload.commit(hashContent(bytes)), hashContent(bytes))
        }),
      )
    })

    it('discards an upload, also one that is not there', async () => {
      await using fixture = await open()
      const upload = new Upload(fixture.store, 'drop')
      await upload.append(Buffer.from('abc'))
      await fixture.store.discard(upload.id)
      await fixture.store.discard(upload.id)
      assert.equal(await upload.canResume(), false)
      assert.deepEqual(await fixture.store.listStale(new Date(Date.now() + 60_000), 10), [])
    })

    it('lists uploads whose bytes have not changed', async () => {
      await using fixture = await open()
      const upload = new Upload(fixture.store, 'old')
      await upload.append(Buffer.from('abc'))
      assert.deepEqual(await fixture.store.listStale(new Date(Date.now() - 60_000), 10), [])
      assert.deepEqual(await fixture.store.listStale(new Date(Date.now() + 60_000), 10), [upload.id])
      assert.deepEqual(await fixture.store.listStale(new Date(Date.now() + 60_000), 0), [])
      await upload.commit(hashContent('abc'))
      assert.deepEqual(await fixture.store.listStale(new Date(Date.now() + 60_000), 10), [])
    })
  })
}

async function* failAfter(chunks: Iterable<Buffer>): AsyncGenerator<Buffer> {
  for (const chunk of chunks) {
    yield chunk
    await new Promise((resolve) => setImmediate(resolve))
  }
  throw new Error('reset')
}
