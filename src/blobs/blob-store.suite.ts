import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { digestOf } from '../oci/digest.ts'
import { OciError } from '../oci/errors.ts'
import type { UploadId } from '../oci/request.ts'
import type { Appended, BlobStore, DurableEnd } from './blob-store.ts'

/** What the suite needs of an adapter: a new store, and a second door to the same bytes as after a restart. */
export interface BlobStoreFixture extends AsyncDisposable {
  readonly store: BlobStore
  reopen(): Promise<BlobStore>
}

/** The contract of `BlobStore`, run over every adapter. */
export function describeBlobStore(name: string, open: () => Promise<BlobStoreFixture>): void {
  describe(`${name} as a blob store`, () => {
    it('answers undefined for a blob it does not hold', async () => {
      await using fixture = await open()
      assert.equal(await fixture.store.stat(digestOf('absent')), undefined)
      assert.equal(await fixture.store.delete(digestOf('absent')), false)
    })

    it('returns exactly what was put, for both algorithms', async () => {
      await using fixture = await open()
      const bytes = randomBytes(3_000_000)
      for (const algorithm of ['sha256', 'sha512'] as const) {
        const digest = digestOf(bytes, algorithm)
        await fixture.store.put(digest, bytes)
        assert.deepEqual(await fixture.store.stat(digest), { size: bytes.length })
        assert.ok(bytes.equals(await readAll(fixture.store, digest, bytes.length)))
      }
    })

    it('sends a span, up to but not including its end', async () => {
      await using fixture = await open()
      const bytes = randomBytes(2_500_000)
      const digest = digestOf(bytes)
      await fixture.store.put(digest, bytes)
      for (const [start, end] of [
        [0, 1],
        [1_048_575, 1_048_577],
        [2_499_999, 2_500_000],
        [10, 2_000_010],
      ] as const) {
        const chunks: Buffer[] = []
        await fixture.store.send(
          digest,
          [{ start, end }],
          async (chunk) => void chunks.push(Buffer.from(chunk)),
        )
        assert.ok(bytes.subarray(start, end).equals(Buffer.concat(chunks)), `${start}-${end}`)
      }
    })

    it('sends several spans in the order given, never two of them at once', async () => {
      await using fixture = await open()
      const bytes = randomBytes(2_500_000)
      const digest = digestOf(bytes)
      await fixture.store.put(digest, bytes)
      const ranges = [
        { start: 2_000_000, end: 2_000_003 },
        { start: 0, end: 1_500_000 },
        { start: 1_500_000, end: 1_500_001 },
        { start: 2_499_999, end: 2_500_000 },
      ]
      const chunks: Buffer[] = []
      await fixture.store.send(digest, ranges, async (chunk) => void chunks.push(Buffer.from(chunk)))
      const expected = Buffer.concat(ranges.map(({ start, end }) => bytes.subarray(start, end)))
      assert.ok(expected.equals(Buffer.concat(chunks)))
      for (const { start, end } of ranges) {
        let left = end - start
        while (left > 0) left -= chunks.shift()?.length ?? assert.fail('too few bytes')
        assert.equal(left, 0, 'bytes of two spans came together')
      }
    })

    it('refuses to send what is absent or ends early', async () => {
      await using fixture = await open()
      const digest = digestOf('four')
      const sink = async (): Promise<void> => undefined
      const isUnknown = (error: unknown): boolean =>
        error instanceof OciError && error.code === 'BLOB_UNKNOWN'
      await assert.rejects(fixture.store.send(digest, [{ start: 0, end: 4 }], sink), isUnknown)
      await fixture.store.put(digest, Buffer.from('four'))
      await assert.rejects(fixture.store.send(digest, [{ start: 0, end: 9 }], sink), isUnknown)
    })

    it('stops sending when the sink fails', async () => {
      await using fixture = await open()
      const bytes = randomBytes(4_000_000)
      const digest = digestOf(bytes)
      await fixture.store.put(digest, bytes)
      let calls = 0
      const gone = fixture.store.send(digest, [{ start: 0, end: bytes.length }], async () => {
        calls++
        throw new Error('gone')
      })
      await assert.rejects(gone, /gone/)
      assert.equal(calls, 1)
    })

    it('replaces a stored copy by what is put again', async () => {
      await using fixture = await open()
      const digest = digestOf('right')
      await fixture.store.put(digest, Buffer.from('wrong'))
      await fixture.store.put(digest, Buffer.from('right'))
      assert.equal(String(await readAll(fixture.store, digest, 5)), 'right')
    })

    it('forgets a deleted blob', async () => {
      await using fixture = await open()
      const digest = digestOf('x')
      await fixture.store.put(digest, Buffer.from('x'))
      assert.equal(await fixture.store.delete(digest), true)
      assert.equal(await fixture.store.stat(digest), undefined)
    })

    it('makes an upload in one body a blob', async () => {
      await using fixture = await open()
      const bytes = randomBytes(5_000_001)
      const appended = await append(fixture.store, 'one', 0, bytes)
      assert.deepEqual(appended, { offset: bytes.length, digest: digestOf(bytes), interruption: undefined })
      assert.equal(await fixture.store.commit(id('one'), digestOf(bytes), bytes.length), true)
      assert.ok(bytes.equals(await readAll(fixture.store, digestOf(bytes), bytes.length)))
      assert.equal(await fixture.store.sizeOf(id('one')), undefined)
    })

    it('makes an empty upload the empty blob', async () => {
      await using fixture = await open()
      assert.equal(await fixture.store.commit(id('none'), digestOf(''), 0), true)
      assert.deepEqual(await fixture.store.stat(digestOf('')), { size: 0 })
    })

    it('goes on with an upload, also after a restart', async () => {
      await using fixture = await open()
      await append(fixture.store, 'two', 0, Buffer.from('abc'))
      await append(fixture.store, 'two', 3, Buffer.from('def'))
      const store = await fixture.reopen()
      const appended = await append(store, 'two', 6, Buffer.from('ghi'))
      assert.deepEqual(appended?.digest, digestOf('abcdefghi'))
    })

    it('drops what lies behind the offset it is told to go on from', async () => {
      await using fixture = await open()
      await append(fixture.store, 'cut', 0, Buffer.from('abcXXXXXX'))
      const appended = await append(fixture.store, 'cut', 3, Buffer.from('def'))
      assert.deepEqual(appended, { offset: 6, digest: digestOf('abcdef'), interruption: undefined })
      assert.equal(await fixture.store.sizeOf(id('cut')), 6)
    })

    it('answers undefined where fewer bytes are there than the session counts', async () => {
      await using fixture = await open()
      await append(fixture.store, 'short', 0, Buffer.from('abc'))
      assert.equal(await append(fixture.store, 'short', 4, Buffer.from('x')), undefined)
      assert.equal(await append(fixture.store, 'never', 1, Buffer.from('x')), undefined)
      assert.equal(await fixture.store.commit(id('short'), digestOf('abcd'), 4), false)
    })

    it('says how far a long body is durable while it comes, with the digest of exactly these bytes', async () => {
      await using fixture = await open()
      const bytes = randomBytes(150_000_000)
      const ends: DurableEnd[] = []
      const appended = await fixture.store.append(id('long'), {
        algorithm: 'sha256',
        offset: 0,
        source: Readable.from(slicesOf(bytes, 64 * 1024)),
        maxBytes: Number.MAX_SAFE_INTEGER,
        onDurable: async (end) => ends.push(end) > 0,
      })
      assert.equal(appended?.offset, bytes.length)
      assert.ok(ends.length > 0, 'it was never called')
      let before = 0
      for (const { offset, digest } of ends) {
        assert.ok(offset > before && offset <= bytes.length, `${offset} after ${before}`)
        assert.equal(digest, digestOf(bytes.subarray(0, offset)))
        before = offset
      }
      const goneOn = await append(await fixture.reopen(), 'long', before, Buffer.from('end'))
      const expected = digestOf(Buffer.concat([bytes.subarray(0, before), Buffer.from('end')]))
      assert.equal(goneOn?.digest, expected)
    })

    it('computes the digest by another algorithm', async () => {
      await using fixture = await open()
      await append(fixture.store, 're', 0, Buffer.from('abc'))
      assert.equal(await fixture.store.rehash(id('re'), 'sha512', 3), digestOf('abc', 'sha512'))
      assert.equal(await fixture.store.rehash(id('re'), 'sha512', 4), undefined)
      assert.equal(await fixture.store.rehash(id('none'), 'sha512', 0), digestOf('', 'sha512'))
    })

    it('keeps what a vanished sender sent', async () => {
      await using fixture = await open()
      const source = new Readable({ read() {} })
      source.push(Buffer.from('abc'))
      source.once('data', () => setImmediate(() => source.destroy(new Error('reset'))))
      source.pause()
      const appended = await fixture.store.append(id('gone'), { ...REQUEST, source })
      assert.deepEqual(appended, { offset: 3, digest: digestOf('abc'), interruption: 'vanished' })
    })

    it('goes on to the right digest after an interruption at any point', async () => {
      await using fixture = await open()
      const bytes = randomBytes(7_000_000)
      const points = [1, 65_537, 1_000_000, 2_097_151, 2_162_688, 2_200_000, 4_500_000, 6_999_999]
      await Promise.all(
        points.flatMap((point) =>
          (['sha256', 'sha512'] as const).map(async (algorithm) => {
            const name = `${algorithm.slice(3)}-${point}`
            const first = bytes.subarray(0, point)
            const source = Readable.from(failAfter(slices(first, 16_384)))
            const cut = await fixture.store.append(id(name), { ...REQUEST, algorithm, source })
            assert.equal(cut?.interruption, 'vanished')
            assert.equal(cut?.digest, digestOf(bytes.subarray(0, cut?.offset), algorithm))
            const rest = Readable.from(slices(bytes.subarray(cut?.offset), 16_384))
            const request = {
              ...REQUEST,
              algorithm,
              offset: cut?.offset ?? 0,
              digest: cut?.digest,
              source: rest,
            }
            const ended = await fixture.store.append(id(name), request)
            assert.deepEqual(
              [ended?.offset, ended?.digest],
              [bytes.length, digestOf(bytes, algorithm)],
              `cut at ${point}`,
            )
          }),
        ),
      )
    })

    it('remembers no hash of bytes that did not count', async () => {
      await using fixture = await open()
      await append(fixture.store, 'other', 0, Buffer.from('abc'))
      await append(fixture.store, 'other', 3, Buffer.from('def'))
      // As if another process had put other bytes there meanwhile.
      await append(await fixture.reopen(), 'other', 3, Buffer.from('xyz'))
      const source = Readable.from([Buffer.from('!')])
      const request = { ...REQUEST, offset: 6, digest: digestOf('abcxyz'), source }
      const ended = await fixture.store.append(id('other'), request)
      assert.deepEqual([ended?.offset, ended?.digest], [7, digestOf('abcxyz!')])
    })

    it('takes no more than it may', async () => {
      await using fixture = await open()
      const source = Readable.from([Buffer.from('abc'), Buffer.from('def')])
      const appended = await fixture.store.append(id('big'), { ...REQUEST, source, maxBytes: 5 })
      assert.equal(appended?.interruption, 'too-large')
      assert.equal(appended?.offset, 3)
    })

    it('takes many small chunks in order', async () => {
      await using fixture = await open()
      const bytes = randomBytes(1_300_000)
      const source = Readable.from(slices(bytes, 1_777))
      const appended = await fixture.store.append(id('small'), { ...REQUEST, source })
      assert.equal(appended?.digest, digestOf(bytes))
    })

    it('takes many uploads at once', async () => {
      await using fixture = await open()
      const all = Array.from({ length: 40 }, () => randomBytes(300_000))
      await Promise.all(
        all.map(async (bytes, index) => {
          const source = Readable.from(slices(bytes, 16_384))
          const appended = await fixture.store.append(id(`many-${index}`), { ...REQUEST, source })
          assert.equal(appended?.digest, digestOf(bytes))
          assert.ok(await fixture.store.commit(id(`many-${index}`), digestOf(bytes), bytes.length))
        }),
      )
    })

    it('discards an upload, also one that is not there', async () => {
      await using fixture = await open()
      await append(fixture.store, 'drop', 0, Buffer.from('abc'))
      await fixture.store.discard(id('drop'))
      await fixture.store.discard(id('drop'))
      assert.equal(await fixture.store.sizeOf(id('drop')), undefined)
    })

    it('lists uploads that nobody touched', async () => {
      await using fixture = await open()
      await append(fixture.store, 'old', 0, Buffer.from('abc'))
      assert.deepEqual(await fixture.store.listStale(new Date(Date.now() - 60_000), 10), [])
      assert.deepEqual(await fixture.store.listStale(new Date(Date.now() + 60_000), 10), [id('old')])
      assert.deepEqual(await fixture.store.listStale(new Date(Date.now() + 60_000), 0), [])
    })

    it('says that it can be written to', async () => {
      await using fixture = await open()
      await fixture.store.check()
    })
  })
}

const REQUEST = { algorithm: 'sha256', offset: 0, maxBytes: Number.MAX_SAFE_INTEGER } as const

/** An upload id of the form the registry makes. */
function id(name: string): UploadId {
  return name.padEnd(22, '_') as UploadId
}

function append(
  store: BlobStore,
  name: string,
  offset: number,
  bytes: Buffer,
): Promise<Appended | undefined> {
  // A copy: the store uses up what it is given.
  return store.append(id(name), { ...REQUEST, offset, source: Readable.from([Buffer.from(bytes)]) })
}

async function readAll(store: BlobStore, digest: ReturnType<typeof digestOf>, size: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  await store.send(digest, [{ start: 0, end: size }], async (chunk) => void chunks.push(Buffer.from(chunk)))
  return Buffer.concat(chunks)
}

function* failAfter(chunks: Iterable<Buffer>): Generator<Buffer> {
  yield* chunks
  throw new Error('reset')
}

function* slices(bytes: Buffer, length: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}

/** Copies: the memory of what is appended is freed. */
function* slicesOf(bytes: Buffer, length: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) yield Buffer.from(bytes.subarray(at, at + length))
}
