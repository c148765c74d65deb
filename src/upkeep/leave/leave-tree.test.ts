import assert from 'node:assert/strict'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { testOnEngines } from '../../../test/support/database/engines.ts'
import { openLinkRoom } from '../../../test/support/database/link-room.ts'
import type { OpenDatabase } from '../../../test/support/database/test-engine.ts'
import { hashContent } from '../../oci/digest.ts'
import { parseTag } from '../../oci/reference.ts'
import { parseRepositoryName } from '../../oci/repository-name.ts'

const test = testOnEngines()
const APP = parseRepositoryName('team/app')

async function openRoom(open: OpenDatabase) {
  const room = await openLinkRoom(open)
  const top = join(room.root, 'docker/registry/v2/repositories')
  return {
    ...room,
    top,
    read: (path: string) => readFileSync(join(top, path), 'utf8'),
    has: (path: string) => existsSync(join(top, path)),
  }
}

const pathOf = (digest: string): string => digest.replace(':', '/')

test('the links of all content are written into the place of Distribution', async (open) => {
  await using room = await openRoom(open)
  const at = new Date('2025-05-05T05:05:05Z')
  const image = room.tree.image('team/app', 'one', { tag: 'v1', at })
  const index = room.tree.index('team/app', [image], 'latest')
  await room.adopt()
  assert.ok(!existsSync(room.top))
  const report = await room.leave()
  const counts = { blobs: 2, manifests: 2, tags: 2 }
  assert.deepEqual(report, {
    repositories: 1,
    held: counts,
    written: counts,
    removed: { blobs: 0, manifests: 0, tags: 0 },
    referrers: 0,
    sha512: 0,
    formerTree: undefined,
  })
  assert.equal(room.read('team/app/_manifests/tags/v1/current/link'), image.digest)
  assert.equal(room.read(`team/app/_manifests/tags/v1/index/${pathOf(image.digest)}/link`), image.digest)
  assert.equal(room.read(`team/app/_manifests/revisions/${pathOf(index.digest)}/link`), index.digest)
  assert.equal(room.read(`team/app/_layers/${pathOf(hashContent('one'))}/link`), hashContent('one'))
  const { mtime } = statSync(join(room.top, 'team/app/_manifests/tags/v1/current/link'))
  assert.deepEqual(mtime, at)
  assert.match((await room.place.findForeignRepositories()) ?? '', /repositories$/)
})

test('a second run writes what is new and removes what is gone: a deleted tag stays deleted', async (open) => {
  await using room = await openRoom(open)
  const { tree, metadata } = room
  const one = tree.image('team/app', 'one', { tag: 'v1' })
  tree.tag('team/app', 'v2', one.digest)
  tree.image('other', 'two', { tag: 'v1' })
  await room.adopt()
  await room.leave()
  await metadata.deleteTag(APP, parseTag('v2'))
  await metadata.deleteRepository(parseRepositoryName('other'))
  const report = await room.leave()
  assert.deepEqual(report.written, { blobs: 0, manifests: 0, tags: 0 })
  assert.deepEqual(report.removed, { blobs: 2, manifests: 1, tags: 2 })
  assert.ok(room.has('team/app/_manifests/tags/v1') && !room.has('team/app/_manifests/tags/v2'))
  assert.ok(!room.has('other'))
  assert.deepEqual((await room.leave()).removed, { blobs: 0, manifests: 0, tags: 0 })
  await room.adopt()
  assert.deepEqual(await metadata.listTags(APP, { limit: 9, last: undefined }), ['v1'])
})

test('a repository that was deleted in Berth stays deleted, unless Distribution has got more of it since', async (open) => {
  await using room = await openRoom(open)
  const { metadata, tree } = room
  const at = new Date('2025-05-05T05:05:05Z')
  tree.image('team/gone', 'gone', { tag: 'v1', at })
  tree.image('team/app', 'one', { tag: 'v1', at })
  const images = Array.from({ length: 501 }, (_, number) =>
    tree.image('team/large', `image ${number}`, { at }),
  )
  tree.tag('team/large', 'v1', images[0]?.digest ?? '', at)
  await room.adopt()
  await room.leave()
  for (const name of ['team/gone', 'team/app', 'team/large'])
    assert.ok(await metadata.deleteRepository(parseRepositoryName(name), 'alice'))
  // As "berth leave" does before it writes.
  const again = await room.adopt({ keepsTree: true })
  assert.deepEqual(
    again.notes.map(({ kind, count }) => [kind, count]),
    [['deleted-here', 3]],
  )
  assert.deepEqual(await room.tags(), [])
  assert.equal(await metadata.findBlob(APP, hashContent('one')), undefined)
  const later = tree.image('team/app', 'two', { tag: 'v2', at: new Date(Date.now() + 60_000) })
  await room.adopt({ keepsTree: true })
  assert.deepEqual(await room.tags(), [`team/app:v2 ${later.digest}`])
  await room.leave()
  assert.equal(room.has('team/gone/_manifests/tags/v1'), false)
  assert.equal(room.has('team/app/_manifests/tags/v1'), false)
  assert.ok(room.has('team/app/_manifests/tags/v2'))
  assert.equal(await metadata.restoreRepository(parseRepositoryName('team/gone')), 'restored')
})

test('what Distribution has written since stays, though it could not be taken over', async (open) => {
  await using room = await openRoom(open)
  const { tree } = room
  tree.image('team/app', 'one', { tag: 'v1' })
  await room.adopt()
  await room.leave()
  const later = new Date(Date.now() + 5_000)
  const old = tree.manifest('team/app', '{"schemaVersion":1}', { at: later })
  tree.tag('team/app', 'schema1', old.digest, later)
  const image = tree.image('team/app', 'two', { tag: 'v2', at: later })
  await room.adopt({ keepsTree: true })
  const { removed, held } = await room.leave()
  assert.deepEqual(removed, { blobs: 0, manifests: 0, tags: 0 })
  assert.equal(held.tags, 2)
  assert.equal(room.read('team/app/_manifests/tags/schema1/current/link'), old.digest)
  assert.equal(room.read('team/app/_manifests/tags/v2/current/link'), image.digest)
})

test('a departure that was ended goes on, and torn links of it are written again', async (open) => {
  await using room = await openRoom(open)
  const { tree, metadata, links } = room
  for (let at = 0; at < 9; at++) tree.image(`team/app${at % 3}`, `image ${at}`, { tag: `v${at}` })
  const { tags } = await room.adopt()
  for (const batches of [1, 4, 6]) {
    const abort = new AbortController()
    let left = batches
    const onProgress = (): void => {
      if (left-- === 0) abort.abort()
    }
    await assert.rejects(room.leave({ onProgress, signal: abort.signal }), { name: 'AbortError' })
    assert.ok(!existsSync(room.top))
    assert.match((await room.place.findForeignRepositories()) ?? '', /leaving$/)
  }
  const [torn] =
    (await metadata.listTags(parseRepositoryName('team/app0'), { limit: 1, last: undefined })) ?? []
  tree.write(`repositories.leaving/team/app0/_manifests/tags/${torn}/current/link`, 'sha256:12')
  await metadata.deleteTag(parseRepositoryName('team/app1'), parseTag('v1'))
  const report = await room.leave()
  assert.equal(report.held.tags, tags.adopted - 1)
  assert.match(room.read(`team/app0/_manifests/tags/${torn}/current/link`), /^sha256:[0-9a-f]{64}$/)
  assert.ok(!room.has('team/app1/_manifests/tags/v1'))
  assert.deepEqual(await links.states(), ['in-use', 'adopted'])
})

test('after links could not be made durable the next departure writes each of them again', async (open) => {
  await using room = await openRoom(open)
  room.tree.image('team/app', 'one', { tag: 'v1' })
  await room.adopt()
  await room.leave()
  // As a failed sync leaves it.
  const mark = join(room.root, 'docker/registry/v2/berth-unsynced')
  writeFileSync(mark, '')
  const counts = { blobs: 2, manifests: 1, tags: 1 }
  assert.deepEqual((await room.leave()).written, counts)
  assert.ok(!existsSync(mark))
  assert.deepEqual((await room.leave()).written, { blobs: 0, manifests: 0, tags: 0 })
})
