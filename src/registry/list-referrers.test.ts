import assert from 'node:assert/strict'
import { test } from 'node:test'
import { APP, imageOf, OWNER, openRegistry, pushText, putManifest } from '../../test/support/open-registry.ts'
import { digestOf } from '../oci/digest.ts'
import { MEDIA_TYPES } from '../oci/media-type.ts'
import type { PageRequest } from '../oci/request.ts'
import type { Registry } from './registry.ts'

const SUBJECT = { mediaType: MEDIA_TYPES.ociManifest, digest: digestOf('subject'), size: 7 }
const WHOLE: PageRequest = { n: undefined, last: undefined }

/** Pushes manifests that refer to the subject, each with its type. @returns their digests in order. */
async function pushReferrers(registry: Registry, types: readonly string[]): Promise<string[]> {
  await pushText(registry, APP, 'config')
  const digests: string[] = []
  for (const artifactType of types) {
    const annotations = { of: artifactType, 'ünï"': '\u2028' }
    const bytes = imageOf(['config'], { artifactType, subject: SUBJECT, annotations })
    digests.push(await putManifest(registry, bytes))
  }
  return digests.sort()
}

async function list(registry: Registry, page: PageRequest = WHOLE, artifactType?: string) {
  const query = { owner: OWNER, repository: APP, digest: SUBJECT.digest, artifactType, page }
  const { entries, next } = await registry.listReferrers(query)
  return { entries: entries.map((text) => JSON.parse(text)), next }
}

test('`listReferrers()` lists descriptors by digest, with type and annotations', async () => {
  await using opened = await openRegistry()
  const { registry } = opened
  assert.deepEqual(await list(registry), { entries: [], next: undefined })
  const digests = await pushReferrers(registry, ['text/a', 'text/b', 'text/c'])
  const { entries, next } = await list(registry)
  assert.deepEqual([entries.map(({ digest }) => digest), next], [digests, undefined])
  for (const { mediaType, artifactType, annotations } of entries) {
    assert.deepEqual(
      [mediaType, annotations],
      [MEDIA_TYPES.ociManifest, { of: artifactType, 'ünï"': '\u2028' }],
    )
  }
  const only = await list(registry, WHOLE, 'text/b')
  assert.deepEqual(
    only.entries.map(({ artifactType }) => artifactType),
    ['text/b'],
  )
})

test('`listReferrers()` goes on from page to page, also through what a fallback tag lists', async () => {
  await using opened = await openRegistry()
  const { registry } = opened
  const own = await pushReferrers(registry, ['text/a', 'text/b'])
  // As older clients keep it: an index under a tag made of the digest; it may name what is listed already.
  const loose = []
  for (const artifactType of ['text/c', 'text/d']) {
    const bytes = imageOf(['config'], { artifactType })
    const digest = await putManifest(registry, bytes)
    loose.push({ mediaType: MEDIA_TYPES.ociManifest, digest, size: bytes.length, artifactType })
  }
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: loose }
  await putManifest(registry, Buffer.from(JSON.stringify(index)), { tag: SUBJECT.digest.replace(':', '-') })
  const expected = [...own, ...loose.map(({ digest }) => digest)].sort()
  for (const n of [1, 2, 3, 4, 100]) {
    const seen: string[] = []
    let last: string | undefined
    do {
      const page = await list(registry, { n, last })
      assert.ok(page.entries.length <= n)
      seen.push(...page.entries.map(({ digest }) => digest))
      last = page.next
    } while (last !== undefined)
    assert.deepEqual(seen, expected, `pages of ${n}`)
  }
})

test('`listReferrers()` lists nothing of a fallback tag that points at no index', async () => {
  await using opened = await openRegistry()
  const { registry } = opened
  await pushText(registry, APP, 'config')
  await putManifest(registry, imageOf(['config']), { tag: SUBJECT.digest.replace(':', '-') })
  assert.deepEqual(await list(registry), { entries: [], next: undefined })
})
