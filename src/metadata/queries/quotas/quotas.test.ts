import assert from 'node:assert/strict'
import { APP, openCollectionRoom, POLICY } from '../../../../test/support/database/collection-room.ts'
import { testOnEngines } from '../../../../test/support/database/engines.ts'
import { formatManifest } from '../../../../test/support/memory/registry-room.ts'
import { hashContent } from '../../../oci/digest.ts'
import { parseRepositoryName, type RepositoryName } from '../../../oci/repository-name.ts'
import type { UploadId } from '../../../oci/request.ts'
import { parsePolicyDocument } from '../../../policies/policy-document.ts'
import type { Metadata } from '../../metadata.ts'
import { createSqlMetadata } from '../../sql-metadata.ts'

const test = testOnEngines()
const WEB = parseRepositoryName('alice/web')
const BOB = parseRepositoryName('bob/app')
const QUOTAS = parsePolicyDocument({ quotas: [{ user: 'alice', bytes: 1_000, repositories: 2 }] })
const DENIED = { name: 'OciError', code: 'DENIED', status: 403 }

function link(metadata: Metadata, repository: RepositoryName, text: string, size: number): Promise<boolean> {
  return metadata.linkBlob({ repository, digest: hashContent(text), size })
}

test('a blob that exceeds the quota of its namespace is refused with the numbers; deleting and other namespaces work', async (openDatabase) => {
  await using t = await openCollectionRoom(openDatabase)
  await t.metadata.replacePolicies(QUOTAS, { expected: 0 })
  await link(t.metadata, APP, 'one', 600)
  await assert.rejects(link(t.metadata, APP, 'two', 401), {
    ...DENIED,
    message: /^The quota of alice is used up: 600 of 1000 bytes are used, and 401 more are wanted/,
    detail: { reason: 'quota', namespace: 'alice', used: 600, limit: 1_000, wanted: 401 },
  })
  await link(t.metadata, BOB, 'two', 5_000)
  await assert.rejects(
    t.metadata.mountBlob({ from: BOB, repository: APP, digest: hashContent('two') }),
    DENIED,
    'content of others counts as well',
  )
  await link(t.metadata, WEB, 'one', 600)
  await link(t.metadata, WEB, 'three', 400)
  await link(t.metadata, APP, 'three', 400)
  assert.equal(await t.metadata.unlinkBlob(WEB, hashContent('one')), 'removed')
  await assert.rejects(link(t.metadata, WEB, 'four', 1), DENIED, 'the other repository still has it')
  assert.equal(await t.metadata.unlinkBlob(APP, hashContent('one')), 'removed')
  await link(t.metadata, WEB, 'four', 600)
})

test('content in the trash and uploads under way count', async (openDatabase) => {
  await using t = await openCollectionRoom(openDatabase)
  await t.metadata.replacePolicies(QUOTAS, { expected: 0 })
  await link(t.metadata, APP, 'one', 900)
  await t.metadata.deleteRepository(APP)
  await assert.rejects(link(t.metadata, APP, 'two', 200), DENIED)
  await t.metadata.emptyTrash()
  await t.collect({ ...POLICY, keepMs: 0 })
  const upload = { repository: APP, principal: 'user:1', state: '' }
  const id = 'A'.repeat(22) as UploadId
  await t.metadata.createUpload({ ...upload, id, offset: 900 })
  await assert.rejects(t.metadata.requireRoom({ repository: WEB, size: 101 }), DENIED)
  await assert.rejects(link(t.metadata, WEB, 'two', 101), DENIED)
  await t.metadata.linkBlob({ repository: APP, digest: hashContent('two'), size: 900, upload: id })
})

test('layers that were deleted after their image count as long as the image can be restored', async (openDatabase) => {
  await using t = await openCollectionRoom(openDatabase)
  const layer = 'x'.repeat(450)
  await t.metadata.replacePolicies(QUOTAS, { expected: 0 })
  await t.link('{}', layer)
  const { digest } = await t.put(formatManifest({ layers: [layer] }), 'v1')
  await t.metadata.deleteManifest(APP, digest)
  assert.equal(await t.metadata.unlinkBlob(APP, hashContent(layer)), 'removed')
  await assert.rejects(link(t.metadata, WEB, 'another', 500), DENIED)
  await link(t.metadata, WEB, 'a third', 100)
  assert.equal(await link(t.metadata, APP, layer, layer.length), true, 'it counts once')
  assert.equal(await t.metadata.restoreManifest(APP, digest), true)
  assert.equal((await t.metadata.findBlob(APP, hashContent(layer)))?.size, layer.length)
})

test('a repository more than the quota has is refused', async (openDatabase) => {
  await using t = await openCollectionRoom(openDatabase)
  await t.metadata.replacePolicies(QUOTAS, { expected: 0 })
  await link(t.metadata, APP, 'one', 1)
  await link(t.metadata, WEB, 'one', 1)
  await assert.rejects(link(t.metadata, parseRepositoryName('alice/more'), 'one', 1), {
    ...DENIED,
    message: /it has 2 of 2 repositories, and alice\/more would be one more/,
  })
  await t.metadata.deleteRepository(WEB)
  await link(t.metadata, parseRepositoryName('alice/more'), 'one', 1)
})

test('of pushes at once by several processes only as many succeed as fit', async (openDatabase) => {
  await using temporary = await openDatabase()
  const nodes = [temporary.database, await temporary.openAgain()].map((one) => createSqlMetadata(one))
  const [first, second] = nodes
  assert.ok(first && second)
  await first.replacePolicies(QUOTAS, { expected: 0 })
  while ((await second.readPolicies()).version === 0);
  const results = await Promise.allSettled(
    Array.from({ length: 8 }, (_, at) =>
      link(at % 2 === 0 ? first : second, at % 3 === 0 ? APP : WEB, `blob ${at}`, 300),
    ),
  )
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 3)
  for (const result of results) if (result.status === 'rejected') assert.equal(result.reason.code, 'DENIED')
})
