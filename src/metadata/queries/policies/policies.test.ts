import assert from 'node:assert/strict'
import { APP, openCollectionRoom } from '../../../../test/support/database/collection-room.ts'
import { testOnEngines } from '../../../../test/support/database/engines.ts'
import type { OpenDatabase } from '../../../../test/support/database/test-engine.ts'
import { parseTag } from '../../../oci/reference.ts'
import { parseRepositoryName } from '../../../oci/repository-name.ts'
import { parsePolicyDocument } from '../../../policies/policy-document.ts'

const test = testOnEngines()
const V1 = parseTag('v1')
const LATEST = parseTag('latest')
const PROTECTED = parsePolicyDocument({
  policies: [{ repositories: ['alice/**'], immutable: ['v*', '!*-rc'] }],
})
const NONE = parsePolicyDocument({ policies: [] })

async function open(openDatabase: OpenDatabase) {
  const room = await openCollectionRoom(openDatabase)
  const put = (text: string, tag?: string) => room.put(makeIndex(text), tag)
  const tags = async () => (await room.metadata.describeTags(APP, { limit: 100, last: undefined })) ?? []
  return { ...room, put, tags }
}

function makeIndex(text: string): Buffer {
  const mediaType = 'application/vnd.oci.image.index.v1+json'
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests: [], annotations: { text } }))
}

const DENIED = { name: 'OciError', code: 'DENIED', status: 403 }

test('policies are replaced only where the version is the expected one', async (openDatabase) => {
  await using t = await open(openDatabase)
  const none = { version: 0, document: { policies: [] }, changedAt: undefined, changedBy: undefined }
  assert.deepEqual(await t.metadata.readPolicies(), none)
  assert.equal(await t.metadata.replacePolicies(PROTECTED, { expected: 1 }), undefined)
  assert.equal(await t.metadata.replacePolicies(PROTECTED, { expected: 0, by: 'alice' }), 1)
  assert.equal(await t.metadata.replacePolicies(NONE, { expected: 0 }), undefined)
  const stored = await t.metadata.readPolicies()
  assert.deepEqual(stored, {
    version: 1,
    document: PROTECTED,
    changedAt: new Date(Date.UTC(2030, 0, 1)),
    changedBy: 'alice',
  })
  const both = await Promise.all([
    t.metadata.replacePolicies(NONE, { expected: 1 }),
    t.metadata.replacePolicies(PROTECTED, { expected: 1 }),
  ])
  assert.deepEqual(both.toSorted(), [2, undefined])
})

test('an immutable tag is not moved, by a push or by a restore; the same manifest may be pushed again', async (openDatabase) => {
  await using t = await open(openDatabase)
  const one = await t.put('one', 'v1')
  const two = await t.put('two', 'v1')
  await t.metadata.replacePolicies(PROTECTED, { expected: 0 })
  await t.put('two', 'v1')
  await assert.rejects(t.put('three', 'v1'), {
    ...DENIED,
    message:
      /^The tag v1 of alice\/app is immutable: the policy for alice\/\*\* protects v\*\. Push under another tag/,
    detail: { reason: 'immutable', repository: APP, tag: 'v1', pattern: 'v*' },
    remedy: /berth policy apply/,
  })
  await assert.rejects(t.metadata.restoreTag({ repository: APP, tag: V1, digest: one.digest }), DENIED)
  await t.put('three', 'v1-rc')
  await t.put('four', 'v1-rc')
  assert.equal((await t.tags()).find(({ name }) => name === 'v1')?.digest, two.digest)
  await t.metadata.replacePolicies(NONE, { expected: 1 })
  await t.put('three', 'v1')
})

test('an immutable tag is not removed: by its name, its manifest or its repository', async (openDatabase) => {
  await using t = await open(openDatabase)
  const { digest } = await t.put('one', 'v1')
  await t.put('one', 'latest')
  await t.put('two', 'v2')
  await t.metadata.replacePolicies(PROTECTED, { expected: 0 })
  await assert.rejects(t.metadata.deleteTag(APP, V1), DENIED)
  await assert.rejects(t.metadata.deleteManifest(APP, digest), {
    ...DENIED,
    message: /has an immutable tag \(v1\)/,
  })
  await assert.rejects(t.metadata.deleteRepository(APP), {
    ...DENIED,
    message: /^alice\/app has 2 immutable tags \(v1, v2\)/,
  })
  assert.deepEqual(
    (await t.tags()).map(({ name }) => name),
    ['latest', 'v1', 'v2'],
  )
  assert.equal(await t.metadata.deleteTag(APP, LATEST), true)
  assert.equal(await t.metadata.deleteTag(APP, parseTag('v3')), false)
  await t.metadata.replacePolicies(NONE, { expected: 1 })
  assert.equal(await t.metadata.deleteRepository(APP), true)
})

test('the number of many immutable tags is named with the first of them', async (openDatabase) => {
  await using t = await open(openDatabase)
  for (let index = 0; index < 12; index++) await t.put('one', `v${String(index).padStart(2, '0')}`)
  await t.metadata.replacePolicies(PROTECTED, { expected: 0 })
  await assert.rejects(t.metadata.deleteRepository(APP), {
    ...DENIED,
    message: /has 12 immutable tags \(v00, v01, v02, v03, v04, and 7 more\)/,
  })
})

test('policies hold for a repository that a push brings into being, and in every process at once', async (openDatabase) => {
  await using temporary = await openDatabase()
  const { createSqlMetadata } = await import('../../sql-metadata.ts')
  const [one, other] = [temporary.database, await temporary.openAgain()].map((database) =>
    createSqlMetadata(database),
  )
  assert.ok(one && other)
  const repository = parseRepositoryName('alice/new')
  const { hashContent } = await import('../../../oci/digest.ts')
  const { parseManifest } = await import('../../../oci/manifest.ts')
  const push = (text: string) => {
    const bytes = makeIndex(text)
    const manifest = parseManifest(bytes, undefined)
    return other.putManifest({
      repository,
      digest: hashContent(bytes),
      manifest,
      bytes,
      tags: [V1],
      isSparseAllowed: false,
    })
  }
  await one.replacePolicies(PROTECTED, { expected: 0 })
  await push('one')
  await assert.rejects(push('two'), DENIED)
  await one.replacePolicies(NONE, { expected: 1 })
  await push('two')
  await one.replacePolicies(PROTECTED, { expected: 2 })
  await assert.rejects(push('three'), DENIED)
})

test('policies that cannot be read protect all tags and quotas, and pulls go on', async (openDatabase) => {
  await using t = await open(openDatabase)
  await t.put('one', 'latest')
  await t.metadata.replacePolicies({ policies: [{ unknown: 1 }] } as never, { expected: 0 })
  await assert.rejects(t.put('two', 'latest'), { code: 'UNAVAILABLE' })
  await assert.rejects(t.metadata.deleteTag(APP, LATEST), { code: 'UNAVAILABLE' })
  await assert.rejects(t.put('two', 'new'), { code: 'UNAVAILABLE' })
  assert.ok(await t.metadata.findManifest(APP, LATEST))
})
