import assert from 'node:assert/strict'
import { openCollectionRoom, POLICY } from '../../../test/support/database/collection-room.ts'
import { testOnEngines } from '../../../test/support/database/engines.ts'
import { type Digest, hashContent } from '../../oci/digest.ts'
import { BACKUP_HOLDS_MS, MAX_BACKUP_RUNS } from '../backup-facts.ts'
import { createBackupFacts } from './create-backup-facts.ts'

const testOn = testOnEngines()
const MINUTE = 60_000
const DAYS_OF_MINUTE = 1 / (24 * 60)

function manifestOf(text: string): Buffer {
  const blob = { mediaType: 'application/octet-stream', digest: hashContent(text), size: text.length }
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config: blob, layers: [] }))
}

testOn('a backup under way holds the bytes of all blobs, for a while after each renewal', async (open) => {
  await using room = await openCollectionRoom(open)
  const backups = createBackupFacts(room.database, room.clock)
  await room.link('layer')
  room.pass(1)
  const id = (await backups.beginBackup({ folder: '/backup' })) ?? assert.fail()
  assert.deepEqual(await room.collect(), [])
  room.pass(9 * DAYS_OF_MINUTE)
  assert.equal(await backups.renewBackup(id), true)
  room.pass(9 * DAYS_OF_MINUTE)
  assert.deepEqual(await room.collect(), [])
  room.pass(2 * DAYS_OF_MINUTE)
  assert.equal(await backups.renewBackup(id), false, 'the bytes were not held for a moment')
  assert.deepEqual(await room.collect(), [])
  await backups.endBackup(id, { outcome: 'complete', generation: '20300101T000000Z' })
  room.pass((BACKUP_HOLDS_MS / MINUTE) * DAYS_OF_MINUTE)
  assert.deepEqual(await room.collect(), [hashContent('layer')])
})

testOn('needed are the blobs of repositories, manifests and the trash, by digest, on pages', async (open) => {
  await using room = await openCollectionRoom(open)
  const backups = createBackupFacts(room.database, room.clock)
  await room.link('a', 'bb', 'ccc', 'gone')
  const kept = await room.put(manifestOf('a'), 'v1')
  const trashed = await room.put(manifestOf('bb'), 'v2')
  await room.metadata.deleteManifest(room.repository, trashed.digest, 'alice')
  room.pass(2)
  await room.link('ccc')
  const id = (await backups.beginBackup({ folder: '/backup' })) ?? assert.fail()
  await room.collect(POLICY)
  const expected = [
    ...['a', 'bb', 'ccc'].map((text) => hashContent(text)),
    kept.digest,
    trashed.digest,
  ].sort()
  for (const limit of [1, 2, 100]) {
    const found: { digest: Digest; size: number | undefined }[] = []
    for (;;) {
      const page = await backups.listNeeded({ after: found.at(-1)?.digest, limit })
      if (page.length === 0) break
      assert.ok(page.length <= limit)
      found.push(...page)
    }
    assert.deepEqual(
      found.map(({ digest }) => digest),
      expected,
    )
    assert.equal(found.find(({ digest }) => digest === hashContent('ccc'))?.size, 3)
  }
  await backups.endBackup(id, { outcome: 'complete' })
})

testOn('the bytes of a manifest are read from rows that have its digest, of the trash, too', async (open) => {
  await using room = await openCollectionRoom(open)
  const backups = createBackupFacts(room.database, room.clock)
  await room.link('a', 'b')
  const [kept, trashed] = [await room.put(manifestOf('a'), 'v1'), await room.put(manifestOf('b'), 'v2')]
  await room.metadata.deleteManifest(room.repository, trashed.digest, 'alice')
  for (const [{ digest }, text] of [
    [kept, 'a'],
    [trashed, 'b'],
  ] as const)
    assert.ok(manifestOf(text).equals((await backups.readManifest(digest)) ?? assert.fail()))
  assert.equal(await backups.readManifest(hashContent('a')), undefined)
  await room.database.transaction((tx) =>
    tx
      .updateTable('manifests')
      .set({ bytes: Buffer.from('{}') })
      .where('digest', '=', kept.digest)
      .execute(),
  )
  assert.equal(await backups.readManifest(kept.digest), undefined, 'other bytes are not taken')
})

testOn('one node takes a slot of the schedule; a failed one is tried again later', async (open) => {
  await using room = await openCollectionRoom(open)
  const [one, two] = [
    createBackupFacts(room.database, room.clock),
    createBackupFacts(room.database, room.clock),
  ]
  const run = { folder: '/backup', slot: { at: 1, retryMs: 60 * MINUTE } }
  const begun = await Promise.all([one.beginBackup(run), two.beginBackup(run)])
  assert.equal(begun.filter((id) => id !== undefined).length, 1)
  const first = begun.find((id) => id !== undefined) ?? assert.fail()
  await one.endBackup(first, { outcome: 'failed', problem: 'the disk is full' })
  room.pass(59 * DAYS_OF_MINUTE)
  assert.equal(await two.beginBackup(run), undefined)
  room.pass(2 * DAYS_OF_MINUTE)
  const second = (await two.beginBackup(run)) ?? assert.fail()
  room.pass(11 * DAYS_OF_MINUTE)
  const third = (await one.beginBackup(run)) ?? assert.fail('that of an ended process was not taken over')
  await one.endBackup(third, { outcome: 'complete', generation: 'g' })
  room.pass(100)
  assert.equal(await two.beginBackup(run), undefined)
  const listed = await one.listBackups(10)
  assert.deepEqual(
    listed.map(({ id, outcome, problem }) => [id, outcome, problem]),
    [
      [third, 'complete', undefined],
      [second, undefined, undefined],
      [first, 'failed', 'the disk is full'],
    ],
  )
  for (let more = 0; more < MAX_BACKUP_RUNS + 5; more++) await one.beginBackup({ folder: '/backup' })
  assert.equal((await one.listBackups(1_000)).length, MAX_BACKUP_RUNS)
})

testOn(
  'restored facts let collection wait for a day, and hold no upload and no backup under way',
  async (open) => {
    await using room = await openCollectionRoom(open)
    const backups = createBackupFacts(room.database, room.clock)
    await backups.beginBackup({ folder: '/backup' })
    assert.equal(await room.facts.noteWork(), undefined)
    await backups.settleRestored()
    await backups.settleRestored()
    assert.ok(await room.facts.noteWork())
    assert.equal((await backups.listBackups(1))[0]?.outcome, 'failed')
    room.pass(0.6)
    assert.ok(await room.facts.noteWork())
    room.pass(0.6)
    assert.equal(await room.facts.noteWork(), undefined)
  },
)
