import assert from 'node:assert/strict'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { openCollectionRoom, POLICY } from '../../../test/support/database/collection-room.ts'
import { changeSeenBy, testOnEngines } from '../../../test/support/database/engines.ts'
import { hashContent } from '../../oci/digest.ts'
import { parseManifest } from '../../oci/manifest.ts'
import { parseTag } from '../../oci/reference.ts'
import { parseRepositoryName } from '../../oci/repository-name.ts'
import type { UploadId } from '../../oci/request.ts'
import { createServerCollectionFacts } from '../collection/create-collection-facts.ts'
import { createClientMetadata, createSqlMetadata } from '../sql-metadata.ts'
import { SEEING_SWITCHES } from './switches.ts'

const test = testOnEngines()
const APP = parseRepositoryName('alice/app')
const REFUSED = { code: 'UNSUPPORTED', message: /read-only \(since .*, by root \(command\): a move\)/ }
const WHY = { by: 'root (command)', reason: 'a move' }

test('each change of a client is refused while the registry is read-only, and goes on after it', async (openDatabase) => {
  await using temporary = await openDatabase()
  const metadata = createClientMetadata(temporary.database)
  const operator = createSqlMetadata(await temporary.openAgain())
  const digest = hashContent('a layer')
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [],
    }),
  )
  const manifest = {
    repository: APP,
    digest: hashContent(bytes),
    manifest: parseManifest(bytes, undefined),
    bytes,
    tags: [parseTag('v1')],
    isSparseAllowed: false,
  }
  const upload = {
    id: 'an-upload' as UploadId,
    repository: APP,
    principal: '1',
    offset: 0,
    state: '',
  }
  await metadata.linkBlob({ repository: APP, digest, size: 7 })
  await metadata.putManifest(manifest)
  await metadata.createUpload(upload)
  await changeSeenBy(temporary.database, () => operator.turnOn('read-only', WHY))
  const changes = {
    link: () => metadata.linkBlob({ repository: APP, digest, size: 7 }),
    claim: () => metadata.claimBlob(digest),
    mount: () => metadata.mountBlob({ from: APP, repository: parseRepositoryName('alice/b'), digest }),
    put: () => metadata.putManifest(manifest),
    upload: () => metadata.createUpload({ ...upload, id: 'another' as UploadId }),
    'delete tag': () => metadata.deleteTag(APP, parseTag('v1')),
    'delete manifest': () => metadata.deleteManifest(APP, manifest.digest),
    'delete blob': () => metadata.unlinkBlob(APP, digest),
    'delete repository': () => metadata.deleteRepository(APP),
    restore: () => metadata.restoreTag({ repository: APP, tag: parseTag('v1') }),
    'restore repository': () => metadata.restoreRepository(APP),
    'empty trash': () => metadata.emptyTrash(),
  }
  for (const [name, change] of Object.entries(changes)) await assert.rejects(change(), REFUSED, name)
  assert.deepEqual(
    await metadata.findManifest(APP, parseTag('v1')).then((found) => found?.digest),
    manifest.digest,
  )
  assert.equal((await metadata.relyOnBlob(APP, digest))?.size, 7)
  await metadata.recordPulls([{ repository: APP, digest: manifest.digest }])
  assert.equal(await metadata.advanceUpload(upload.id, 0, { offset: 3, state: 'x' }), true)
  assert.equal(await metadata.deleteUpload(upload.id), true)
  assert.equal(await operator.deleteTag(APP, parseTag('v1')), true)
  assert.equal(await operator.turnOff('read-only'), true)
  assert.equal(await operator.turnOff('read-only'), false)
  assert.equal(await metadata.linkBlob({ repository: APP, digest, size: 7 }), true)
})

test('a switch is known to another process at once, and goes off at its time', async (openDatabase) => {
  await using temporary = await openDatabase()
  let now = Date.UTC(2030, 0, 1)
  const one = createSqlMetadata(temporary.database, () => now)
  const other = createSqlMetadata(await temporary.openAgain(), () => now)
  assert.equal(await one.findSwitch('collection-paused'), undefined)
  await changeSeenBy(temporary.database, () => other.turnOn('collection-paused', { ...WHY, forMs: 60_000 }))
  assert.deepEqual(await one.findSwitch('collection-paused'), {
    since: new Date(now),
    until: new Date(now + 60_000),
    ...WHY,
  })
  assert.equal(await one.findSwitch('read-only'), undefined)
  now += 60_000
  assert.equal(await one.findSwitch('collection-paused'), undefined)
  assert.equal(await one.turnOff('collection-paused'), false)
})

test('turning a switch on waits for the transactions that have not seen it', async (openDatabase) => {
  await using temporary = await openDatabase()
  const operator = createSqlMetadata(await temporary.openAgain())
  const order: string[] = []
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>()
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  const change = temporary.database.transaction(async (tx) => {
    await tx.selectFrom('switches').select('name').execute()
    begin()
    await mayEnd
    order.push('change ends')
  }, SEEING_SWITCHES)
  await begun
  const turning = operator.turnOn('read-only', WHY).then(() => order.push('on returns'))
  // As long as the change is open, nothing can come of the other.
  await Promise.race([turning, new Promise((resolve) => setTimeout(resolve, 200))])
  end()
  await Promise.all([change, turning])
  assert.deepEqual(order, ['change ends', 'on returns'])
})

test('no push that races with the switch is recorded after it was turned on', async (openDatabase) => {
  await using temporary = await openDatabase()
  const clients = [temporary.database, await temporary.openAgain()].map((one) => createClientMetadata(one))
  const operator = createSqlMetadata(await temporary.openAgain())
  let isOn = false
  let late = 0
  let pushed = 0
  const push = async (client: number): Promise<void> => {
    for (let number = 0; ; number++) {
      // A database within the process answers without a turn of the event loop.
      await nextTurn()
      const repository = parseRepositoryName(`user${client}/app`)
      const wasOn = isOn
      try {
        await clients[client % 2]?.linkBlob({
          repository,
          digest: hashContent(`${client} ${number}`),
          size: 1,
        })
        pushed++
        if (wasOn) late++
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'UNSUPPORTED')
        return
      }
    }
  }
  const pushes = [0, 1, 2, 3].map((client) => push(client))
  while (pushed < 20) await new Promise((resolve) => setTimeout(resolve, 1))
  await operator.turnOn('read-only', WHY)
  isOn = true
  const countLinks = async (): Promise<number> =>
    (await temporary.database.read.selectFrom('repository_blobs').select('digest').execute()).length
  const atOnce = await countLinks()
  await Promise.all(pushes)
  assert.equal(await countLinks(), atOnce)
  assert.equal(late, 0)
})

test('a server removes nothing while the registry is read-only or collection is paused', async (openDatabase) => {
  await using temporary = await openDatabase()
  const facts = createServerCollectionFacts(temporary.database)
  const operator = createSqlMetadata(temporary.database)
  const digest = hashContent('a layer')
  await operator.linkBlob({ repository: APP, digest, size: 7 })
  await operator.unlinkBlob(APP, digest)
  const policy = { keepMs: 0, relyMs: 0 }
  const item = { kind: 'blob', repositoryId: 0, digest } as const
  for (const name of ['read-only', 'collection-paused'] as const) {
    await operator.turnOn(name, WHY)
    assert.deepEqual(await facts.look(item, policy), { kind: 'held' })
    await operator.turnOff(name)
  }
  assert.equal((await facts.look(item, policy)).kind, 'marked')
})

test('ended tags stay restorable while the registry is read-only or collection is paused, in a round that began before', async (openDatabase) => {
  await using t = await openCollectionRoom(openDatabase)
  const facts = createServerCollectionFacts(t.database, t.clock)
  const bytes = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [] }),
  )
  await t.put(bytes, 'v1')
  await t.metadata.deleteTag(APP, parseTag('v1'))
  t.pass(20)
  for (const name of ['read-only', 'collection-paused'] as const) {
    await t.metadata.turnOn(name, WHY)
    assert.equal(await facts.forgetHistory(POLICY, 100), 0, name)
    assert.equal((await t.metadata.listTagPeriods(APP, { limit: 9 }))?.length, 1, name)
    await t.metadata.turnOff(name)
  }
  assert.equal(await facts.forgetHistory(POLICY, 100), 1)
})
