import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  formatManifest,
  type RegistryRoom,
  RegistryRooms,
} from '../../../test/support/memory/registry-room.ts'
import { type Digest, hashContent, hexOf } from '../../oci/digest.ts'
import { MEDIA_TYPES } from '../../oci/media-type.ts'
import type { ReferrerQuery } from './list-referrers.ts'

const rooms = await RegistryRooms.open()
after(() => rooms[Symbol.asyncDispose]())

const SUBJECT = formatManifest({ annotations: { is: 'subject' } })
const SIGNATURE = 'application/vnd.test.signature'

/** A manifest that refers to {@link SUBJECT}. */
function referrer(note: string, artifactType: string = SIGNATURE): Buffer {
  return formatManifest({ subject: SUBJECT, artifactType, annotations: { note, 'ünï"': '\u2028' } })
}

async function enter(): Promise<RegistryRoom> {
  const room = rooms.enter()
  await room.pushBlob('{}')
  return room
}

/** One page of what refers to {@link SUBJECT}. */
async function list(
  { registry, repository, owner }: RegistryRoom,
  { n, last, artifactType }: { n?: number; last?: string | undefined; artifactType?: string } = {},
): Promise<{ digests: Digest[]; entries: Record<string, unknown>[]; next: string | undefined }> {
  const query: ReferrerQuery = {
    owner,
    repository,
    digest: hashContent(SUBJECT),
    artifactType,
    page: { n, last },
  }
  const { entries, next } = await registry.listReferrers(query)
  const parsed = entries.map((text) => JSON.parse(text) as Record<string, unknown>)
  return { digests: parsed.map(({ digest }) => digest as Digest), entries: parsed, next }
}

/** Pushes an index under the tag that an older client gives to the referrers of {@link SUBJECT}. */
function pushFallback(room: RegistryRoom, children: readonly Buffer[], annotations = {}): Promise<Digest> {
  return room.pushManifest(formatManifest({ children, annotations }), `sha256-${hexOf(hashContent(SUBJECT))}`)
}

test('a subject that nobody knows has an empty list', async () => {
  assert.deepEqual(await list(await enter()), { digests: [], entries: [], next: undefined })
})

test('referrers are descriptors with type and annotations, by digest', async () => {
  const room = await enter()
  const referrers = ['a', 'b', 'c'].map((note) => referrer(note))
  for (const bytes of referrers) await room.pushManifest(bytes)
  const { digests, entries, next } = await list(room)
  assert.deepEqual([digests, next], [referrers.map((bytes) => hashContent(bytes)).sort(), undefined])
  const a = referrers[0] ?? assert.fail()
  const entry = entries.find(({ digest }) => digest === hashContent(a))
  assert.deepEqual(entry, {
    digest: hashContent(a),
    mediaType: MEDIA_TYPES.ociManifest,
    size: a.length,
    artifactType: SIGNATURE,
    annotations: { note: 'a', 'ünï"': '\u2028' },
  })
})

test('referrers of one type alone can be listed, page by page', async () => {
  const room = await enter()
  const signatures = ['a', 'b', 'c'].map((note) => referrer(note))
  for (const bytes of [...signatures, referrer('x', 'text/other')]) await room.pushManifest(bytes)
  const sorted = signatures.map((bytes) => hashContent(bytes)).sort()
  const first = await list(room, { n: 2, artifactType: SIGNATURE })
  assert.deepEqual([first.digests, first.next], [sorted.slice(0, 2), sorted[1]])
  const second = await list(room, { n: 2, artifactType: SIGNATURE, last: first.next })
  assert.deepEqual([second.digests, second.next], [sorted.slice(2), undefined])
  assert.deepEqual((await list(room, { artifactType: 'text/none' })).digests, [])
})

test('what an older client listed under a tag is listed, too, each referrer once', async () => {
  const room = await enter()
  const [own, both, tagged] = [
    referrer('own'),
    referrer('both'),
    formatManifest({ annotations: { by: 'tag' } }),
  ]
  for (const bytes of [own, both, tagged]) await room.pushManifest(bytes)
  await pushFallback(room, [both, tagged])
  const sorted = [own, both, tagged].map((bytes) => hashContent(bytes)).sort()
  assert.deepEqual((await list(room)).digests, sorted)
  // Descriptors of the tag without a type are not of the requested type.
  const ofType = [own, both].map((bytes) => hashContent(bytes)).sort()
  assert.deepEqual((await list(room, { artifactType: SIGNATURE })).digests, ofType)
})

test('pages of both lists together have each referrer once', async () => {
  const room = await enter()
  const own = Array.from({ length: 5 }, (_, index) => referrer(`own ${index}`))
  const tagged = Array.from({ length: 5 }, (_, index) =>
    formatManifest({ annotations: { by: `tag ${index}` } }),
  )
  for (const bytes of [...own, ...tagged]) await room.pushManifest(bytes)
  await pushFallback(room, tagged)
  const sorted = [...own, ...tagged].map((bytes) => hashContent(bytes)).sort()
  for (const n of [1, 2, 3, 10]) {
    const found: Digest[] = []
    let last: string | undefined
    do {
      const page = await list(room, { n, last })
      assert.ok(page.digests.length <= n)
      found.push(...page.digests)
      last = page.next
    } while (last !== undefined)
    assert.deepEqual(found, sorted, `by ${n}`)
  }
})

test('a tag of that form that is no index lists nothing', async () => {
  const room = await enter()
  await room.pushManifest(formatManifest(), `sha256-${hexOf(hashContent(SUBJECT))}`)
  assert.deepEqual((await list(room)).digests, [])
})

test('a large index under the tag is read as a small one', async () => {
  const room = await enter()
  const tagged = formatManifest({ annotations: { by: 'tag' } })
  await room.pushManifest(tagged)
  await pushFallback(room, [tagged], { note: 'x'.repeat(40_000) })
  assert.deepEqual((await list(room)).digests, [hashContent(tagged)])
})

test('a page ends where its annotations would make it too large for clients', async () => {
  const room = await enter()
  const referrers = ['a', 'b', 'c', 'd'].map((note) => referrer(note + 'x'.repeat(1024 * 1024)))
  for (const bytes of referrers) await room.pushManifest(bytes)
  const sorted = referrers.map((bytes) => hashContent(bytes)).sort()
  const first = await list(room)
  assert.deepEqual([first.digests, first.next], [sorted.slice(0, 2), sorted[1]])
  assert.deepEqual((await list(room, { last: first.next })).digests, sorted.slice(2))
})
