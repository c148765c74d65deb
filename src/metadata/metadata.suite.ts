import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hashContent } from '../oci/digest.ts'
import { parseManifest } from '../oci/manifest.ts'
import { MEDIA_TYPES } from '../oci/media-type.ts'
import { parseTag, type Tag } from '../oci/reference.ts'
import { parseRepositoryName } from '../oci/repository-name.ts'
import type { UploadId } from '../oci/request.ts'
import type { ManifestRecord, Metadata, ReferrerPageRequest } from './metadata.ts'

/** An empty store of facts. */
interface MetadataFixture extends AsyncDisposable {
  readonly metadata: Metadata
}

const APP = parseRepositoryName('alice/app')
const OTHER = parseRepositoryName('bob/app')
const V1 = parseTag('v1')
const BLOB = hashContent('blob')
const ALL = { limit: 100, last: undefined }
const UPLOAD = 'A'.repeat(22) as UploadId

/** A manifest that names blobs by their contents. */
function makeRecord(
  layers: readonly string[],
  more: Partial<ManifestRecord> & { subject?: string } = {},
): ManifestRecord {
  const describeText = (text: string) => ({ mediaType: 'a/b', digest: hashContent(text), size: text.length })
  const { subject, ...rest } = more
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      config: describeText('blob'),
      layers: layers.map(describeText),
      ...(subject === undefined ? {} : { subject: describeText(subject) }),
    }),
  )
  const manifest = parseManifest(bytes, MEDIA_TYPES.ociManifest)
  return {
    repository: APP,
    digest: hashContent(bytes),
    manifest,
    bytes,
    tags: [],
    isSparseAllowed: false,
    ...rest,
  }
}

/** The promises of {@link Metadata}, checked against an adapter. */
export function describeMetadata(
  name: string,
  { skip }: { skip: string | false },
  open: () => Promise<MetadataFixture>,
): void {
  describe(`Metadata in ${name}`, { skip }, () => {
    it('knows a blob only in the repositories it was linked or mounted into', async () => {
      await using fixture = await open()
      const { metadata } = fixture
      await metadata.linkBlob({ repository: APP, digest: BLOB, size: 4 })
      await metadata.linkBlob({ repository: APP, digest: BLOB, size: 4 })
      assert.equal((await metadata.findBlob(APP, BLOB))?.size, 4)
      assert.equal(await metadata.findBlob(OTHER, BLOB), undefined)
      assert.equal(await metadata.mountBlob({ from: OTHER, repository: APP, digest: BLOB }), false)
      assert.equal(await metadata.mountBlob({ from: APP, repository: OTHER, digest: BLOB }), true)
      assert.equal(await metadata.unlinkBlob(APP, BLOB), 'removed')
      assert.equal(await metadata.unlinkBlob(APP, BLOB), 'unknown')
      assert.equal((await metadata.findBlob(OTHER, BLOB))?.size, 4)
    })

    it('finds a holder inside the filter alone, the preferred one first', async () => {
      await using fixture = await open()
      const { metadata } = fixture
      const second = parseRepositoryName('alice/b')
      for (const repository of [APP, second, OTHER])
        await metadata.linkBlob({ repository, digest: BLOB, size: 4 })
      assert.equal(await metadata.findHolder(BLOB, { prefixes: ['alice/'] }, second), second)
      assert.equal(await metadata.findHolder(BLOB, { prefixes: ['bob/'] }, APP), OTHER)
      assert.equal(await metadata.findHolder(BLOB, { prefixes: ['bo/', 'bob/a/'] }), undefined)
      assert.equal(await metadata.findHolder(BLOB, { prefixes: [] }), undefined)
      assert.equal(await metadata.findHolder(BLOB, 'all', OTHER), OTHER)
      assert.equal(await metadata.findHolder(BLOB, { names: [second, OTHER] }, OTHER), OTHER)
      assert.equal(await metadata.findHolder(BLOB, { names: ['alice/', OTHER] }, APP), OTHER)
      assert.equal(await metadata.findHolder(BLOB, { names: [] }, APP), undefined)
    })

    it('records a manifest with its tags, or names what is missing and changes nothing', async () => {
      await using fixture = await open()
      const { metadata } = fixture
      await metadata.linkBlob({ repository: APP, digest: BLOB, size: 4 })
      const lacking = makeRecord(['absent'], { tags: [V1] })
      assert.deepEqual((await metadata.putManifest(lacking)).missing, [hashContent('absent')])
      assert.equal(await metadata.findManifest(APP, V1), undefined)
      assert.deepEqual((await metadata.putManifest({ ...lacking, isSparseAllowed: true })).missing, [])
      const whole = makeRecord([], { tags: [V1, parseTag('v2')] })
      assert.deepEqual((await metadata.putManifest(whole)).missing, [])
      assert.deepEqual((await metadata.putManifest(whole)).missing, [])
      const stored = await metadata.findManifest(APP, V1)
      assert.equal(stored?.digest, whole.digest)
      assert.deepEqual(Buffer.from(stored?.bytes ?? []), whole.bytes)
      assert.equal((await metadata.findManifest(APP, lacking.digest))?.digest, lacking.digest)
      assert.equal(await metadata.findManifest(OTHER, whole.digest), undefined)
    })

    it('names what is held with another size, and changes nothing, also where content may be absent', async () => {
      await using fixture = await open()
      const { metadata } = fixture
      await metadata.linkBlob({ repository: APP, digest: BLOB, size: 5 })
      const missized = [{ digest: BLOB, stated: 4, stored: 5 }]
      for (const isSparseAllowed of [false, true]) {
        const record = makeRecord(['absent'], { tags: [V1], isSparseAllowed })
        assert.deepEqual((await metadata.findNamed(APP, record.manifest)).missized, missized)
        assert.deepEqual((await metadata.putManifest(record)).missized, missized)
        assert.equal(await metadata.findManifest(APP, V1), undefined)
      }
      await metadata.linkBlob({ repository: OTHER, digest: BLOB, size: 4 })
      const { blobs } = await metadata.findNamed(OTHER, makeRecord([]).manifest)
      assert.deepEqual(blobs, [{ digest: BLOB, size: 5 }])
    })

    it('keeps what is in use; with a manifest its tags go, with a tag nothing else', async () => {
      await using fixture = await open()
      const { metadata } = fixture
      await metadata.linkBlob({ repository: APP, digest: BLOB, size: 4 })
      const record = makeRecord([], { tags: [V1, parseTag('v2')] })
      await metadata.putManifest(record)
      assert.equal(await metadata.unlinkBlob(APP, BLOB), 'in-use')
      assert.equal(await metadata.deleteTag(APP, V1), true)
      assert.equal(await metadata.deleteTag(APP, V1), false)
      assert.ok(await metadata.findManifest(APP, record.digest))
      assert.equal(await metadata.deleteManifest(APP, record.digest), 'removed')
      assert.equal(await metadata.deleteManifest(APP, record.digest), 'unknown')
      assert.equal(await metadata.findManifest(APP, parseTag('v2')), undefined)
      assert.equal(await metadata.unlinkBlob(APP, BLOB), 'removed')
      assert.equal(await metadata.listTags(APP, ALL), undefined)
    })

    it("lists tags, repositories and referrers in the order of the names' bytes, page by page", async () => {
      await using fixture = await open()
      const { metadata } = fixture
      const tags = ['10', '9', 'B', '_x', 'a'] as Tag[]
      for (const repository of [OTHER, APP]) {
        await metadata.linkBlob({ repository, digest: BLOB, size: 4 })
        await metadata.putManifest(makeRecord([], { repository, tags }))
      }
      assert.deepEqual(await metadata.listTags(APP, ALL), tags)
      assert.deepEqual(await metadata.listTags(APP, { limit: 2, last: 'B' }), ['_x', 'a'])
      assert.deepEqual(
        (await metadata.describeTags(APP, ALL))?.map((tag) => tag.name),
        tags,
      )
      assert.deepEqual(await metadata.listRepositories('all', ALL), [APP, OTHER])
      assert.deepEqual(await metadata.listRepositories({ prefixes: ['bob/'] }, ALL), [OTHER])
      assert.deepEqual(await metadata.listRepositories('all', { limit: 1, last: APP }), [OTHER])
      const referrers = [['blob'], []].map((layers) => makeRecord(layers, { subject: 'subject' }))
      for (const record of referrers) await metadata.putManifest(record)
      const digests = referrers.map((record) => record.digest).sort()
      const list = async (more: Partial<ReferrerPageRequest>) => {
        const page = { ...ALL, artifactType: undefined, maxBytes: 1_000, ...more }
        const { rows, hasMore } = await metadata.listReferrers(APP, hashContent('subject'), page)
        return { digests: rows.map((row) => row.digest), hasMore }
      }
      assert.deepEqual(await list({}), { digests, hasMore: false })
      assert.deepEqual(await list({ limit: 2 }), { digests, hasMore: false })
      assert.deepEqual(await list({ limit: 1 }), { digests: digests.slice(0, 1), hasMore: true })
      assert.deepEqual(await list({ limit: 0 }), { digests: [], hasMore: true })
      assert.deepEqual(await list({ last: digests[0] }), { digests: digests.slice(1), hasMore: false })
      assert.deepEqual(await list({ artifactType: 'x' }), { digests: [], hasMore: false })
      assert.deepEqual(await list({ maxBytes: 0 }), { digests: digests.slice(0, 1), hasMore: true })
    })

    it('takes any text of a client for the begin of a page and for a type, NUL characters too', async () => {
      await using fixture = await open()
      const { metadata } = fixture
      await metadata.linkBlob({ repository: APP, digest: BLOB, size: 4 })
      const tags = ['a', 'ab', 'b'] as Tag[]
      await metadata.putManifest(makeRecord([], { tags, subject: 'subject' }))
      for (const [last, rest] of [
        ['\0', tags],
        ['a\0', ['ab', 'b']],
        ['a\0z', ['ab', 'b']],
        ['ab\0', ['b']],
      ] as const) {
        const page = { ...ALL, last }
        assert.deepEqual(await metadata.listTags(APP, page), rest, JSON.stringify(last))
        assert.deepEqual(
          (await metadata.describeTags(APP, page))?.map(({ name }) => name),
          rest,
        )
        assert.deepEqual(await metadata.listRepositories('all', page), [APP].slice(last < APP ? 0 : 1))
        const referrers = { ...page, maxBytes: 1_000 }
        const list = (artifactType?: string) =>
          metadata.listReferrers(APP, hashContent('subject'), { ...referrers, artifactType })
        assert.equal((await list()).rows.length, 1)
        assert.deepEqual(await list('a/b\0'), { rows: [], hasMore: false })
      }
    })

    it('moves an upload only from the offset it has, and ends it with the blob it became', async () => {
      await using fixture = await open()
      const { metadata } = fixture
      const row = { id: UPLOAD, repository: APP, principal: 'alice', offset: 0 }
      await metadata.createUpload({ ...row, state: '' })
      const to = { offset: 4, state: 'é'.repeat(4_096) }
      assert.equal(await metadata.advanceUpload(UPLOAD, 0, to), true)
      assert.equal(await metadata.advanceUpload(UPLOAD, 0, to), false)
      assert.deepEqual(await metadata.findUpload(UPLOAD), { ...row, ...to })
      await metadata.linkBlob({ repository: APP, digest: BLOB, size: 4, upload: UPLOAD })
      assert.equal(await metadata.findUpload(UPLOAD), undefined)
      assert.equal(await metadata.deleteUpload(UPLOAD), false)
      assert.equal(await metadata.advanceUpload(UPLOAD, 4, to), false)
    })

    it('opens only so many uploads of one principal, and lists the stalest of one or of all', async () => {
      await using fixture = await open()
      const { metadata } = fixture
      const create = (id: string, principal: string, maxOpen?: number): Promise<boolean> =>
        metadata.createUpload(
          {
            id: id.padEnd(22, 'A') as UploadId,
            repository: APP,
            principal,
            offset: 0,
            state: '',
          },
          maxOpen,
        )
      const ids = ['a', 'b', 'c', 'd']
      const results = await Promise.all(ids.map((id) => create(id, 'alice', 2)))
      const opened = ids.filter((_, at) => results[at])
      assert.equal(opened.length, 2)
      assert.equal(await create('e', 'bob', 2), true)
      assert.equal(await create('f', 'alice'), true, 'without a bound')
      assert.equal(await create('g', 'alice', 3), false)
      const listed = async (limit: number, principal?: string): Promise<string> =>
        (await metadata.listStaleUploads(0, limit, principal)).map((id) => id[0]).join('')
      assert.deepEqual([...(await listed(9, 'alice'))].sort(), [...opened, 'f'])
      assert.equal((await listed(2, 'alice')).length, 2)
      assert.equal(await listed(9, 'bob'), 'e')
      assert.equal((await listed(9)).length, 4)
      assert.deepEqual(await metadata.listStaleUploads(60_000, 9, 'alice'), [])
    })

    it('removes a repository with all it holds', async () => {
      await using fixture = await open()
      const { metadata } = fixture
      await metadata.linkBlob({ repository: APP, digest: BLOB, size: 4 })
      await metadata.putManifest(makeRecord([], { tags: [V1] }))
      assert.equal(await metadata.deleteRepository(APP), true)
      assert.equal(await metadata.deleteRepository(APP), false)
      assert.equal(await metadata.findManifest(APP, V1), undefined)
      assert.equal(await metadata.findBlob(APP, BLOB), undefined)
      assert.deepEqual(await metadata.listRepositories('all', ALL), [])
    })
  })
}
