import assert from 'node:assert/strict'
import { APP, openCollectionRoom } from '../../../../test/support/database/collection-room.ts'
import { testOnEngines } from '../../../../test/support/database/engines.ts'
import type { OpenDatabase } from '../../../../test/support/database/test-engine.ts'
import { parseTag } from '../../../oci/reference.ts'

const test = testOnEngines()

async function open(openDatabase: OpenDatabase) {
  const room = await openCollectionRoom(openDatabase)
  await room.link('{}')
  return {
    ...room,
    /** Pushes an image of its own under tags. */
    async push(text: string, ...tags: string[]) {
      const bytes = Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: 'application/vnd.oci.image.index.v1+json',
          manifests: [],
          annotations: { text },
        }),
      )
      await room.putAll(bytes, tags.map(parseTag))
    },
    now: () => new Date(room.clock()),
    /** The tags at a time, read in pages of `limit`. */
    async read(
      at: Date,
      limit = 100,
    ): Promise<{ found?: string[]; deletedAt?: Date | undefined; knownFrom?: Date } | undefined> {
      const found: string[] = []
      let last: string | undefined
      for (;;) {
        const page = await room.metadata.listTagsAt(APP, { at, limit, last })
        if (page === undefined) return undefined
        if (page.knownFrom !== undefined) return { knownFrom: page.knownFrom }
        found.push(...page.tags.map(({ name, content }) => `${name} ${content}`))
        last = page.tags.at(-1)?.name
        if (page.tags.length < limit) return { found, deletedAt: page.deletedAt }
      }
    },
    async digestsAt(at: Date) {
      const page = await room.metadata.listTagsAt(APP, { at, limit: 100, last: undefined })
      assert.ok(page && page.knownFrom === undefined)
      return new Map(page.tags.map(({ name, digest }) => [String(name), digest]))
    },
  }
}

test('all tags are listed as they stood at a time, in pages, whatever has become of them since', async (openDatabase) => {
  await using t = await open(openDatabase)
  const before = t.now()
  t.pass(1)
  await t.push('one', 'a', 'b', 'c', 'e')
  const first = t.now()
  const atFirst = await t.digestsAt(first)
  t.pass(1)
  await t.push('two', 'b', 'd')
  await t.metadata.deleteTag(APP, parseTag('c'))
  // Several periods of one name after that time.
  await t.push('three', 'e')
  t.pass(1)
  await t.push('four', 'e')
  const second = t.now()
  for (const limit of [1, 2, 3, 100]) {
    assert.deepEqual((await t.read(first, limit))?.found, ['a stored', 'b stored', 'c stored', 'e stored'])
    assert.deepEqual((await t.read(second, limit))?.found, ['a stored', 'b stored', 'd stored', 'e stored'])
  }
  assert.deepEqual(await t.digestsAt(first), atFirst)
  const atSecond = await t.digestsAt(second)
  assert.equal(atSecond.get('a'), atFirst.get('a'))
  assert.equal(atSecond.get('b'), atSecond.get('d'))
  assert.notEqual(atSecond.get('b'), atFirst.get('b'))
  // The repository is as old as its first blob, which was linked a day before the first tag.
  assert.deepEqual((await t.read(before))?.found, [])
  assert.equal(await t.read(new Date(before.getTime() - 1)), undefined)
})

test('what is left of a manifest is listed: stored, in the trash, gone', async (openDatabase) => {
  await using t = await open(openDatabase)
  await t.push('one', 'a')
  const { digest } = await t.put(
    Buffer.from('{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}'),
    'b',
  )
  const at = t.now()
  t.pass(1)
  await t.metadata.deleteManifest(APP, digest)
  assert.deepEqual((await t.read(at))?.found, ['a stored', 'b deleted'])
  await t.metadata.emptyTrash()
  t.pass(1)
  await t.collect()
  assert.deepEqual((await t.read(at))?.found, ['a stored', 'b gone'])
})

test('a deleted repository has the tags of a time at which it lived, and the one of its name after it its own', async (openDatabase) => {
  await using t = await open(openDatabase)
  await t.push('one', 'a')
  const first = t.now()
  t.pass(1)
  const deletedAt = t.now()
  await t.metadata.deleteRepository(APP)
  t.pass(1)
  assert.deepEqual(await t.read(first), { found: ['a stored'], deletedAt })
  assert.equal(await t.read(t.now()), undefined)
  await t.link('{}')
  await t.push('two', 'b')
  assert.deepEqual((await t.read(t.now()))?.found, ['b stored'])
  assert.deepEqual((await t.read(first))?.found, ['a stored'])
})

test('of a time before the window the error has the time from which on the tags are known', async (openDatabase) => {
  await using t = await open(openDatabase)
  await t.push('one', 'a', 'b')
  const first = t.now()
  t.pass(1)
  await t.push('two', 'a')
  const moved = t.now()
  t.pass(2)
  await t.push('three', 'b')
  t.pass(12)
  assert.deepEqual((await t.read(first))?.found, ['a stored', 'b stored'])
  // The period that ended 14 days ago is forgotten.
  await t.collect()
  assert.deepEqual(await t.read(first), { knownFrom: moved })
  assert.deepEqual(await t.read(new Date(moved.getTime() - 1)), { knownFrom: moved })
  assert.deepEqual((await t.read(moved))?.found, ['a stored', 'b stored'])
})
