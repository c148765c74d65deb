import assert from 'node:assert/strict'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { hashBySha512 } from '../../../test/support/content/distribution-tree.ts'
import { testOnEngines } from '../../../test/support/database/engines.ts'
import { openLinkRoom } from '../../../test/support/database/link-room.ts'
import { type Digest, hashContent } from '../../oci/digest.ts'
import { parseTag } from '../../oci/reference.ts'
import { parseRepositoryName } from '../../oci/repository-name.ts'

const test = testOnEngines()
const APP = parseRepositoryName('team/app')
const PAGE = { limit: 1000, last: undefined }

test('images, indexes, referrers and tags are taken over as they are, and the tree gets another name', async (open) => {
  await using room = await openLinkRoom(open)
  const { tree, metadata } = room
  const at = new Date('2025-03-01T10:00:00Z')
  const amd = tree.image('team/app', 'amd', { tag: 'v1', at })
  const arm = tree.image('team/app', 'arm', { hasType: false })
  const nested = tree.index('team/app', [amd])
  const index = tree.index('team/app', [arm, nested], 'latest')
  const signature = tree.image('team/app', 'signature', {
    extra: {
      artifactType: 'application/x.signature',
      subject: {
        mediaType: 'application/vnd.oci.image.index.v1+json',
        digest: index.digest,
        size: index.size,
      },
    },
  })
  tree.image('library/deep/er', 'other', { tag: 'latest' })
  const result = await room.adopt()
  assert.deepEqual(result.notes, [])
  assert.equal(result.state, 'adopted')
  assert.equal(result.repositories, 2)
  assert.deepEqual(result.manifests, { adopted: 6, known: 0 })
  assert.deepEqual(result.tags, { adopted: 3, known: 0 })
  for (const { digest, bytes } of [amd, arm, nested, index, signature])
    assert.deepEqual(Buffer.from((await metadata.findManifest(APP, digest))?.bytes ?? []), bytes)
  assert.equal((await metadata.findManifest(APP, parseTag('latest')))?.digest, index.digest)
  assert.equal((await metadata.findBlob(APP, hashContent('arm')))?.size, 3)
  const page = { ...PAGE, artifactType: undefined, maxBytes: 1e6 }
  const { rows } = await metadata.listReferrers(APP, index.digest, page)
  assert.deepEqual(
    rows.map(({ digest, artifactType }) => [digest, artifactType]),
    [[signature.digest, 'application/x.signature']],
  )
  const [v1] = (await metadata.describeTags(APP, { limit: 1, last: 'latest' })) ?? []
  assert.deepEqual(v1?.updatedAt, at)
  assert.equal(await room.place.findForeignRepositories(), undefined)
  assert.ok(existsSync(join(tree.top, 'repositories.adopted/team/app/_manifests')))

  const again = await room.adopt()
  assert.equal(again.state, 'was-adopted')
})

test('a tree that is kept can be taken over again: only news count, and collection is held', async (open) => {
  await using room = await openLinkRoom(open)
  const { tree } = room
  tree.image('team/app', 'one', { tag: 'v1' })
  assert.equal((await room.adopt({ keepsTree: true })).state, 'kept')
  assert.match((await room.place.findForeignRepositories()) ?? '', /repositories$/)
  const before = await room.tags()
  const second = await room.adopt({ keepsTree: true })
  assert.deepEqual(
    [second.blobs, second.manifests, second.tags],
    [
      { adopted: 0, known: 2 },
      { adopted: 0, known: 1 },
      { adopted: 0, known: 1 },
    ],
  )
  assert.deepEqual(await room.tags(), before)
  tree.image('team/app', 'two', { tag: 'v2' })
  assert.deepEqual((await room.adopt()).tags, { adopted: 1, known: 1 })
})

test('each kind of damage is reported and skipped, and all else is taken over', async (open) => {
  await using room = await openLinkRoom(open)
  const { tree } = room
  const good = tree.image('team/app', 'good', { tag: 'v1' })
  const path = (digest: string): string => digest.replace(':', '/')
  const revisions = 'repositories/team/app/_manifests/revisions'
  const layers = 'repositories/team/app/_layers'
  tree.write(`${layers}/${path(hashContent('torn'))}/link`, '')
  tree.write(`${revisions}/${path(hashContent('torn too'))}/link`, 'sha256:abc')
  tree.layer('team/app', 'not stored', { isStored: false })
  tree.manifest('team/app', 'not stored', { isStored: false })
  tree.blob('a blob')
  tree.write(`${layers}/${path(hashContent('another'))}/link`, hashContent('good'))
  tree.write(`${layers}/${path(hashBySha512('wrong'))}/link`, hashContent('good'))
  mkdirSync(join(tree.top, `${layers}/${path(hashContent('deleted'))}`), { recursive: true })
  tree.write('repositories/team/app/_uploads/8f1c/data', 'bytes')
  tree.write('repositories/team/app/notes.txt', 'x')
  tree.write('repositories/team/app/_backup/x', 'x')
  tree.write('repositories/Team/App/_manifests/tags/v1/current/link', good.digest)
  tree.write('repositories/team/app/_manifests/tags/.bad/current/link', good.digest)
  tree.write(`${layers}/md5/abc/link`, 'x')
  tree.write(`${layers}/sha256/ABC/link`, 'x')
  const outside = join(room.root, 'outside')
  mkdirSync(outside)
  tree.linkOut('repositories/linked', outside)
  tree.linkOut(`${layers}/sha256/${hashContent('out').slice(7)}`, outside)
  tree.linkOut('repositories/team/app/_manifests/tags/out', outside)
  tree.linkOut('repositories/team/app/_manifests/tags/out2/current/link', join(outside, 'link'))
  tree.manifest('team/app', '{"schemaVersion":1,"name":"old","tag":"x","fsLayers":[]}')
  tree.manifest('team/app', 'not json')
  const changed = tree.manifest('team/app', '{"schemaVersion":2}')
  tree.store(changed.digest, '{"schemaVersion":3}')
  const large = tree.manifest('team/app', ' '.repeat(4 * 1024 * 1024 + 1))
  tree.tag('team/app', 'too-large', large.digest)
  const lacking = tree.image('team/app', 'lost', { tag: 'lacking' })
  tree.write(`${layers}/${path(hashContent('lost'))}/link`, '')
  tree.image('team/app', 'resized', { tag: 'resized' })
  tree.store(hashContent('resized'), 'resize')
  const incomplete = tree.index('team/app', [good, { digest: hashContent('gone'), size: 4 }], 'half')
  tree.index('team/app', [{ digest: hashContent('gone too'), size: 4 }], 'none')
  tree.tag('team/app', 'dangling', hashContent('nothing'))
  tree.write('repositories/team/app/_manifests/tags/empty/current/link', '')

  const result = await room.adopt()
  const counts = Object.fromEntries(result.notes.map(({ kind, count }) => [kind, count]))
  assert.deepEqual(counts, {
    'damaged-manifest': 1,
    'foreign-file': 2,
    'incomplete-index': 1,
    'lacking-content': 2,
    'large-manifest': 1,
    'missing-blob': 2,
    'missized-content': 1,
    'symbolic-link': 4,
    'tag-without-manifest': 5,
    'torn-link': 4,
    'unfinished-upload': 1,
    'unsupported-manifest': 2,
    'wrong-digest': 2,
    'wrong-link': 2,
    'wrong-name': 1,
    'wrong-tag': 1,
  })
  const lackingNote = result.notes.find(({ kind }) => kind === 'lacking-content')
  assert.ok(lackingNote?.examples.includes(`team/app@${lacking.digest}, ${hashContent('lost')}`))
  assert.deepEqual(await room.tags(), [`team/app:half ${incomplete.digest}`, `team/app:v1 ${good.digest}`])
})

test('content pushed by sha512 is stored under that digest, too', async (open) => {
  await using room = await openLinkRoom(open)
  const { tree, links, metadata } = room
  tree.layer('team/app', 'layer')
  const digest = hashBySha512('layer') as Digest
  tree.write(`repositories/team/app/_layers/${digest.replace(':', '/')}/link`, hashContent('layer'))
  assert.deepEqual((await room.adopt()).notes, [])
  assert.equal((await metadata.findBlob(APP, digest))?.size, 5)
  assert.deepEqual(await links.sizesOf([digest]), [5])
})

test('of two manifests under one tag the later one counts, and the other stays in the history', async (open) => {
  await using room = await openLinkRoom(open)
  const { tree, metadata } = room
  const old = new Date('2025-01-01T00:00:00Z')
  const first = tree.image('team/app', 'first', { tag: 'older-there', at: old })
  tree.tag('team/app', 'newer-there', first.digest, old)
  await room.adopt({ keepsTree: true })
  const second = tree.image('team/app', 'second', { tag: 'newer-there' })
  tree.tag('team/app', 'older-there', second.digest, new Date('2024-01-01T00:00:00Z'))
  const result = await room.adopt({ keepsTree: true })
  assert.deepEqual(
    result.notes.map(({ kind, count }) => [kind, count]),
    [
      ['tag-kept', 1],
      ['tag-moved', 1],
    ],
  )
  assert.deepEqual(await room.tags(), [
    `team/app:newer-there ${second.digest}`,
    `team/app:older-there ${first.digest}`,
  ])
  await room.adopt({ keepsTree: true })
  for (const [tag, other] of [
    ['newer-there', first],
    ['older-there', second],
  ] as const) {
    const ended = ((await metadata.listTagPeriods(APP, { tag: parseTag(tag), limit: 9 })) ?? []).filter(
      ({ end }) => end,
    )
    assert.deepEqual(
      ended.map(({ digest }) => digest),
      [other.digest],
    )
  }
})

test('content that was deleted in Berth does not come back by its old links', async (open) => {
  await using room = await openLinkRoom(open)
  const { tree, metadata } = room
  const kept = tree.image('team/app', 'kept', { tag: 'v1' })
  tree.tag('team/app', 'v2', kept.digest)
  const removed = tree.image('team/app', 'removed', { tag: 'v3' })
  await room.adopt({ keepsTree: true })
  await metadata.deleteTag(APP, parseTag('v2'), 'alice')
  await metadata.deleteManifest(APP, removed.digest, 'alice')
  const result = await room.adopt({ keepsTree: true })
  assert.deepEqual(await room.tags(), [`team/app:v1 ${kept.digest}`])
  assert.equal(await metadata.findManifest(APP, removed.digest), undefined)
  assert.deepEqual(
    result.notes.map(({ kind, count }) => [kind, count]),
    [
      ['deleted-here', 2],
      ['tag-without-manifest', 1],
    ],
  )
  tree.tag('team/app', 'v2', kept.digest, new Date(Date.now() + 1000))
  await room.adopt({ keepsTree: true })
  assert.equal((await room.tags()).length, 2)
})

test('a takeover that was ended goes on where it was, whatever the point', async (open) => {
  await using room = await openLinkRoom(open)
  const { tree } = room
  for (let at = 0; at < 12; at++) tree.image(`team/app${at % 4}`, `image ${at}`, { tag: `v${at}` })
  for (const batches of [0, 1, 2, 3]) {
    const abort = new AbortController()
    let left = batches
    const onProgress = (): void => {
      if (left-- === 0) abort.abort()
    }
    await assert.rejects(room.adopt({ onProgress, signal: abort.signal }), { name: 'AbortError' })
  }
  const result = await room.adopt()
  assert.equal(result.tags.adopted + result.tags.known, 12)
  assert.equal((await room.tags()).length, 12)
  assert.equal(result.state, 'adopted')
})

test('a large repository is taken over in many transactions, and each end of it goes on', async (open) => {
  await using room = await openLinkRoom(open)
  const { tree, metadata } = room
  const images = Array.from({ length: 510 }, (_, at) =>
    tree.image('team/app', `image ${at}`, { tag: `v${at}` }),
  )
  const index = tree.index('team/app', images.slice(0, 3), 'index')
  const half = tree.index('team/app', [...images.slice(0, 1), { digest: hashContent('x'), size: 1 }], 'half')
  tree.index('team/app', [index, half], 'nested')
  tree.image('team/app', 'untagged')
  for (const batches of [0, 2, 4, 6]) {
    const abort = new AbortController()
    let left = batches
    const onProgress = (): void => {
      if (left-- === 0) abort.abort()
    }
    await assert.rejects(room.adopt({ onProgress, signal: abort.signal }), { name: 'AbortError' })
  }
  const { tags, manifests, notes } = await room.adopt()
  assert.equal(tags.adopted + tags.known, 513)
  assert.equal(manifests.adopted + manifests.known, 514)
  assert.deepEqual(
    notes.filter(({ kind }) => kind !== 'incomplete-index'),
    [],
  )
  assert.equal((await metadata.describeTags(APP, PAGE))?.length, 513)
})

test('what Distribution writes during and after a takeover is noticed', async (open) => {
  await using room = await openLinkRoom(open)
  const { tree, links } = room
  tree.image('team/app', 'first', { tag: 'v1' })
  let isPushed = false
  await room.adopt({
    onProgress() {
      if (!isPushed) tree.image('team/app', 'pushed meanwhile', { tag: 'v2' })
      isPushed = true
    },
  })
  assert.equal((await room.tags()).length, 2)
  tree.image('team/app', 'pushed later', { tag: 'v3' })
  assert.match((await room.place.findForeignRepositories()) ?? '', /repositories$/)
  const again = await room.adopt()
  assert.equal(again.formerTrees.length, 1)
  assert.equal((await room.tags()).length, 3)
  // A crash between the two moves of a tree.
  tree.image('team/app', 'at last', { tag: 'v4' })
  await links.move('in-use', 'adopting')
  assert.match((await room.place.findForeignRepositories()) ?? '', /adopting$/)
  assert.equal((await room.adopt()).state, 'adopted')
  assert.equal((await room.tags()).length, 4)
})
