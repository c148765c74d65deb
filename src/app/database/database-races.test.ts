import assert from 'node:assert/strict'
import { changeSeenBy, type OpenDatabase, testOnEngines } from '../../../test/support/database/engines.ts'
import { createAccounts } from '../../accounts/create-accounts.ts'
import type { Database } from '../../database/database.ts'
import type { ManifestRecord } from '../../metadata/metadata.ts'
import { createSqlMetadata } from '../../metadata/sql-metadata.ts'
import { digestOf } from '../../oci/digest.ts'
import { parseManifest } from '../../oci/manifest.ts'
import { MEDIA_TYPES } from '../../oci/media-type.ts'
import { parseTag } from '../../oci/reference.ts'
import { parseRepositoryName, type RepositoryName } from '../../oci/repository-name.ts'
import type { UploadId } from '../../oci/request.ts'
import { createRefreshTokenService } from '../../tokens/refresh-tokens.ts'
import { KEY_MAX_AGE_MS } from '../../tokens/signing-keys.ts'
import { createTokenService } from '../../tokens/token-service.ts'
import { accountBelongings } from './account-belongings.ts'
import type { BerthSchema } from './database-schema.ts'

/*
 * Changes that several nodes make at once to the same rows. Each race is run so often that an engine which does not keep
 * transactions apart loses some: in PostgreSQL's default isolation five of these tests fail.
 */

const test = testOnEngines()
const NODES = 3
const ROUNDS = 40
const PASSWORD = 'correct horse'
const TAG = parseTag('v1')

async function openNodes(openDatabase: OpenDatabase) {
  const temporary = await openDatabase()
  const databases = [temporary.database]
  while (databases.length < NODES) databases.push(await temporary.openAgain())
  const nodes = databases.map((database) => ({ database, metadata: createSqlMetadata(database) }))
  return {
    /** The node that makes the change of this number. */
    at: (index: number) => nodes[index % NODES] as (typeof nodes)[number],
    nodes,
    [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose](),
  }
}

const toRepository = (round: number): RepositoryName => parseRepositoryName(`race/round-${round}`)

function makeRecord(repository: RepositoryName, layers: readonly string[], seed = ''): ManifestRecord {
  const describe = (text: string) => ({ mediaType: 'a/b', digest: digestOf(text), size: text.length })
  const config = describe(layers[0] ?? '')
  const bytes = Buffer.from(
    JSON.stringify({ schemaVersion: 2, config, layers: layers.map(describe), annotations: { seed } }),
  )
  return {
    repository,
    digest: digestOf(bytes),
    manifest: parseManifest(bytes, MEDIA_TYPES.ociManifest),
    bytes,
    tags: [TAG],
    isSparseAllowed: false,
  }
}

function makeIndex(repository: RepositoryName, child: ManifestRecord): ManifestRecord {
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociIndex,
      manifests: [{ mediaType: MEDIA_TYPES.ociManifest, digest: child.digest, size: child.bytes.length }],
    }),
  )
  const manifest = parseManifest(bytes, MEDIA_TYPES.ociIndex)
  return { repository, digest: digestOf(bytes), manifest, bytes, tags: [], isSparseAllowed: false }
}

test('layers that are linked at once into a new repository are all there', async (openDatabase) => {
  await using t = await openNodes(openDatabase)
  for (let round = 0; round < 10; round++) {
    const repository = toRepository(round)
    const layers = Array.from({ length: 6 }, (_, index) => `layer ${index}`)
    await Promise.all(
      layers.map((layer, index) =>
        t.at(index).metadata.linkBlob({ repository, digest: digestOf(layer), size: layer.length }),
      ),
    )
    const { blobs } = await t.at(0).metadata.findNamed(repository, makeRecord(repository, layers).manifest)
    assert.equal(blobs.length, layers.length)
  }
})

test('a link beside the removal of the last other content of its repository is there', async (openDatabase) => {
  await using t = await openNodes(openDatabase)
  const [old, fresh] = [digestOf('old'), digestOf('fresh')]
  for (let round = 0; round < ROUNDS; round++) {
    const repository = toRepository(round)
    await t.at(0).metadata.linkBlob({ repository, digest: old, size: 3 })
    await Promise.all([
      t.at(1).metadata.unlinkBlob(repository, old),
      t.at(2).metadata.linkBlob({ repository, digest: fresh, size: 5 }),
    ])
    const { blobs } = await t.at(0).metadata.findNamed(repository, makeRecord(repository, ['fresh']).manifest)
    assert.deepEqual(
      blobs.map(({ digest }) => digest),
      [fresh],
    )
  }
})

test('no manifest is stored without its blobs while these are removed', async (openDatabase) => {
  await using t = await openNodes(openDatabase)
  for (let round = 0; round < ROUNDS; round++) {
    const record = makeRecord(toRepository(round), ['layer'])
    const { repository } = record
    await t.at(0).metadata.linkBlob({ repository, digest: digestOf('layer'), size: 5 })
    const [named, removed] = await Promise.all([
      t.at(1).metadata.putManifest(record),
      t.at(2).metadata.unlinkBlob(repository, digestOf('layer')),
    ])
    const isStored = named.missing.length === 0
    assert.deepEqual([isStored, removed], isStored ? [true, 'in-use'] : [false, 'removed'])
    const { missing } = await t.at(0).metadata.findNamed(repository, record.manifest)
    assert.equal(missing.length === 0, isStored)
  }
})

test('no index is stored without its manifests while these are removed', async (openDatabase) => {
  await using t = await openNodes(openDatabase)
  for (let round = 0; round < ROUNDS; round++) {
    const child = makeRecord(toRepository(round), ['layer'])
    const { repository } = child
    await t.at(0).metadata.linkBlob({ repository, digest: digestOf('layer'), size: 5 })
    await t.at(0).metadata.putManifest(child)
    const [named, removed] = await Promise.all([
      t.at(1).metadata.putManifest(makeIndex(repository, child)),
      t.at(2).metadata.deleteManifest(repository, child.digest),
    ])
    assert.equal(removed, named.missing.length === 0 ? 'in-use' : 'removed')
  }
})

test('a tag that several move at once points at what one of them has stored', async (openDatabase) => {
  await using t = await openNodes(openDatabase)
  for (let round = 0; round < 10; round++) {
    const repository = toRepository(round)
    await t.at(0).metadata.linkBlob({ repository, digest: digestOf('layer'), size: 5 })
    const records = ['a', 'b', 'c', 'd', 'e', 'f'].map((seed) => makeRecord(repository, ['layer'], seed))
    const results = await Promise.all(
      records.map((record, index) => t.at(index).metadata.putManifest(record)),
    )
    assert.ok(results.every(({ missing }) => missing.length === 0))
    const tags = (await t.at(0).metadata.describeTags(repository, { limit: 9, last: undefined })) ?? []
    assert.equal(tags.length, 1)
    assert.ok(records.some(({ digest }) => digest === tags[0]?.digest))
    const rows = await t.at(0).metadata.describeRepositories({ limit: 1, last: undefined, only: repository })
    assert.equal(rows[0]?.manifestCount, records.length)
  }
})

test('a session goes on from one offset for one of those who try', async (openDatabase) => {
  await using t = await openNodes(openDatabase)
  const id = 'A'.repeat(22) as UploadId
  await t.at(0).metadata.createUpload({
    ...{ id, repository: toRepository(0), principal: 'user:1' },
    ...{ offset: 0, state: '' },
  })
  for (let offset = 0; offset < ROUNDS; offset++) {
    const moved = await Promise.all(
      t.nodes.map(({ metadata }, index) =>
        metadata.advanceUpload(id, offset, { offset: offset + 1, state: `${index}` }),
      ),
    )
    assert.equal(moved.filter(Boolean).length, 1)
  }
})

test('an account that several make at once is made once', async (openDatabase) => {
  await using t = await openNodes(openDatabase)
  const managers = t.nodes.map(({ database }) => openAccounts(database))
  const results = await Promise.allSettled(
    managers.map((accounts) => accounts.add({ name: 'admin', password: PASSWORD, isAdmin: true })),
  )
  const codes = results.map((result) => (result.status === 'rejected' ? result.reason.code : 'made'))
  assert.deepEqual(codes.sort(), ['ALREADY_EXISTS', 'ALREADY_EXISTS', 'made'])
})

test('one administrator stays where several disable each other', async (openDatabase) => {
  await using t = await openNodes(openDatabase)
  const [one, other] = [openAccounts(t.at(0).database), openAccounts(t.at(1).database)]
  for (const name of ['one', 'other']) await one.add({ name, password: PASSWORD, isAdmin: true })
  for (let round = 0; round < 10; round++) {
    const results = await Promise.allSettled([one.setDisabled('other', true), other.setDisabled('one', true)])
    const refused = results.filter((result) => result.status === 'rejected')
    assert.deepEqual(
      refused.map(({ reason }) => reason.code),
      ['LAST_ADMIN'],
    )
    for (const name of ['one', 'other']) await one.setDisabled(name, false)
  }
})

test('a key that is too old is replaced by one, whichever node issues a token', async (openDatabase) => {
  await using t = await openNodes(openDatabase)
  const clock = { now: Date.UTC(2026, 0, 1) }
  const services = await Promise.all(
    t.nodes.map(({ database }) => createTokenService({ database, lifetimeS: 300, clock: () => clock.now })),
  )
  for (let round = 1; round <= 5; round++) {
    clock.now += KEY_MAX_AGE_MS
    const tokens = await Promise.all(
      services.map((service) => service.issue({ subject: undefined, scopes: [] })),
    )
    const rows = await t
      .at(0)
      .database.read.selectFrom('token_keys')
      .select('kid')
      .where('retired_at', 'is', null)
      .execute()
    assert.equal(rows.length, 1)
    for (const { token } of tokens)
      for (const service of services) assert.ok(await service.verify(token), 'a token of another node')
  }
})

test('a refresh token that several nodes redeem at once has one successor', async (openDatabase) => {
  await using t = await openNodes(openDatabase)
  const account = { name: 'alice', version: '1.1' }
  const services = await Promise.all(
    t.nodes.map(({ database }) =>
      createRefreshTokenService({
        database,
        findEnabled: () => account,
        onReuse: () => assert.fail('reuse'),
      }),
    ),
  )
  let token = (await services[0]?.issue(account, 'crane')) ?? ''
  for (let round = 0; round < 10; round++) {
    const redeemed = await Promise.all(services.map((service) => service.redeem(token)))
    const successors = new Set(redeemed.map((result) => result?.successor))
    assert.equal(successors.size, 1)
    token = [...successors][0] ?? ''
  }
})

test('a log-in beside the removal of its account never counts again, also for a new account of the name', async (openDatabase) => {
  await using t = await openNodes(openDatabase)
  const accounts = openAccounts(t.at(0).database)
  const others = openAccounts(t.at(1).database)
  await accounts.add({ name: 'root', password: PASSWORD, isAdmin: true })
  const { database } = t.at(2)
  const findEnabled = (name: string) => openAccounts(database).findEnabled(name)
  const service = await createRefreshTokenService({ database, findEnabled })
  for (let round = 0; round < 5; round++) {
    const add = () => accounts.add({ name: 'alice', password: PASSWORD, isAdmin: false })
    await changeSeenBy(database, add)
    const alice = (await findEnabled('alice')) ?? assert.fail('alice is gone')
    const early = await service.issue(alice, 'crane')
    const [late] = await Promise.all([service.issue(alice, 'crane'), others.remove('alice')])
    // A node that has not heard of the removal yet is no subject of this test.
    await changeSeenBy(database, add)
    for (const token of [early, late]) assert.equal(await service.redeem(token), undefined)
    await accounts.remove('alice')
  }
})

function openAccounts(database: Database<BerthSchema>) {
  return createAccounts({ database, belongings: accountBelongings(database), htpasswdFile: undefined })
}
