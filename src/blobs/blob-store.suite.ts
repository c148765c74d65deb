import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { type Digest, hashContent } from '../oci/digest.ts'
import { OciError } from '../oci/errors.ts'
import type { BlobEntry, BlobStore } from './blob-store.ts'
import { type BlobStoreFixture, readBlob } from './blob-store-fixture.suite.ts'
import { describeUploads } from './upload-store.suite.ts'

/** The contract of `BlobStore`, run over every adapter. */
export function describeBlobStore(name: string, open: () => Promise<BlobStoreFixture>): void {
  describeUploads(name, open)
  describe(`${name} as a blob store`, () => {
    it('answers undefined for a blob it does not hold', async () => {
      await using fixture = await open()
      assert.equal(await fixture.store.stat(hashContent('absent')), undefined)
      assert.equal(await fixture.store.delete(hashContent('absent')), false)
    })

    it('returns exactly what was put, for both algorithms', async () => {
      await using fixture = await open()
      const bytes = randomBytes(3_000_000)
      for (const algorithm of ['sha256', 'sha512'] as const) {
        const digest = hashContent(bytes, algorithm)
        await fixture.store.put(digest, bytes)
        assert.deepEqual(await fixture.store.stat(digest), { size: bytes.length })
        assert.ok(bytes.equals(await readBlob(fixture.store, digest, bytes.length)))
      }
    })

    it('sends a span, up to but not including its end', async () => {
      await using fixture = await open()
      const bytes = randomBytes(2_500_000)
      const digest = hashContent(bytes)
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
      const digest = hashContent(bytes)
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
      const digest = hashContent('four')
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
      const digest = hashContent(bytes)
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
      const digest = hashContent('right')
      await fixture.store.put(digest, Buffer.from('wrong'))
      await fixture.store.put(digest, Buffer.from('right'))
      assert.equal(String(await readBlob(fixture.store, digest, 5)), 'right')
    })

    it('forgets a deleted blob', async () => {
      await using fixture = await open()
      const digest = hashContent('x')
      await fixture.store.put(digest, Buffer.from('x'))
      assert.equal(await fixture.store.delete(digest), true)
      assert.equal(await fixture.store.stat(digest), undefined)
    })

    it('lists all blobs by digest with their sizes, whatever the size of a page', async () => {
      await using fixture = await open()
      const { store } = fixture
      const held: BlobEntry[] = []
      for (let size = 0; size < 40; size++) {
        const bytes = randomBytes(size)
        const digest = hashContent(bytes, size % 3 === 0 ? 'sha512' : 'sha256')
        await store.put(digest, bytes)
        held.push({ digest, size })
      }
      held.sort((a, b) => (a.digest < b.digest ? -1 : 1))
      for (const limit of [1, 7, 40, 1_000])
        assert.deepEqual(await listAll(store, limit), held, `by ${limit}`)
      const { blobs } = await store.list({ after: held[9]?.digest, limit: 5 })
      assert.deepEqual(blobs, held.slice(10, 15))
    })

    it('lists what other instances have stored, neither uploads nor what was deleted', async () => {
      await using fixture = await open()
      const { store } = fixture
      assert.deepEqual(await store.list({ limit: 10 }), { blobs: [], next: undefined })
      const [kept, gone] = [hashContent('kept'), hashContent('gone')]
      await (await fixture.reopen()).put(kept, Buffer.from('kept'))
      await store.put(gone, Buffer.from('gone'))
      await store.delete(gone)
      assert.deepEqual(await listAll(store, 1), [{ digest: kept, size: 4 }])
    })

    it('goes on with a list behind a blob that is no longer there', async () => {
      await using fixture = await open()
      const { store } = fixture
      const digests = ['a', 'b', 'c'].map((text) => hashContent(text)).sort()
      for (const digest of digests) await store.put(digest, Buffer.from('x'))
      const first = await store.list({ limit: 1 })
      assert.equal(first.next, digests[0])
      await store.delete(hashContent('a'))
      await store.delete(hashContent('b'))
      await store.delete(hashContent('c'))
      assert.deepEqual((await store.list({ after: first.next, limit: 10 })).blobs, [])
    })

    it('has a URL for each blob, or for none', async () => {
      await using fixture = await open()
      const digest = hashContent('x')
      await fixture.store.put(digest, Buffer.from('x'))
      const url = await fixture.store.locate(digest)
      assert.equal(url !== undefined, fixture.hasUrls)
      if (url !== undefined) assert.match(url, new RegExp(`^https?://.*${digest.slice('sha256:'.length)}`))
    })

    it('reads a blob of any size to its end and compares it with its digest, for both algorithms', async () => {
      await using fixture = await open()
      for (const size of [0, 1, 4_096, 524_288, 524_289, 1_048_576, 3_000_001]) {
        const bytes = randomBytes(size)
        for (const algorithm of ['sha256', 'sha512'] as const) {
          const digest = hashContent(bytes, algorithm)
          await fixture.store.put(digest, bytes)
          const parts: number[] = []
          const onRead = async (length: number): Promise<void> => void parts.push(length)
          assert.deepEqual(await fixture.store.verify(digest, { onRead }), { kind: 'whole', size })
          assert.equal(
            parts.reduce((sum, length) => sum + length, 0),
            size,
          )
        }
      }
    })

    it('finds changed, short, long and absent bytes', async () => {
      await using fixture = await open()
      const { store } = fixture
      const bytes = randomBytes(2_000_000)
      const flipped = Buffer.from(bytes)
      flipped[1_999_999] = (flipped[1_999_999] ?? 0) ^ 1
      const digest = hashContent(bytes)
      assert.deepEqual(await store.verify(digest, { onRead }), { kind: 'absent' })
      for (const wrong of [flipped, bytes.subarray(1), Buffer.concat([bytes, bytes]), Buffer.alloc(0)]) {
        await store.put(digest, wrong)
        assert.deepEqual(await store.verify(digest, { onRead }), { kind: 'changed', size: wrong.length })
      }
      await store.put(digest, bytes)
      assert.deepEqual(await store.verify(digest, { onRead }), { kind: 'whole', size: bytes.length })
    })

    it('ends a verification with the error of its caller', async () => {
      await using fixture = await open()
      const bytes = randomBytes(3_000_000)
      const digest = hashContent(bytes)
      await fixture.store.put(digest, bytes)
      let calls = 0
      const stop = async (): Promise<void> => {
        if (++calls === 2) throw new Error('stopped')
      }
      await assert.rejects(fixture.store.verify(digest, { onRead: stop }), { message: 'stopped' })
      assert.equal(calls, 2)
    })

    it('sets bytes aside, from where they are neither read nor listed, and takes new ones in their place', async () => {
      await using fixture = await open()
      const { store } = fixture
      const digest = hashContent('right')
      assert.equal(await store.setAside(digest), false)
      assert.equal(await store.dropAside(digest), false)
      for (const wrong of ['wrong', 'wrong again']) {
        await store.put(digest, Buffer.from(wrong))
        assert.equal(await store.setAside(digest), true)
        assert.equal(await store.stat(digest), undefined)
        assert.deepEqual((await store.list({ limit: 9 })).blobs, [])
      }
      await store.put(digest, Buffer.from('right'))
      assert.equal(await store.dropAside(digest), true)
      assert.equal(await store.dropAside(digest), false)
      assert.equal(String(await readBlob(store, digest, 5)), 'right')
    })

    it('says that it can be written to', async () => {
      await using fixture = await open()
      await fixture.store.check()
    })
  })
}

async function onRead(): Promise<void> {
  // As fast as it goes.
}

async function listAll(store: BlobStore, limit: number): Promise<BlobEntry[]> {
  const all: BlobEntry[] = []
  let after: Digest | undefined
  do {
    const { blobs, next } = await store.list({ after, limit })
    assert.ok(blobs.length <= limit, `${blobs.length} on a page of ${limit}`)
    all.push(...blobs)
    after = next
  } while (after !== undefined)
  return all
}
