import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  formatManifest,
  type RegistryRoom,
  RegistryRooms,
} from '../../../test/support/memory/registry-room.ts'
import type { RepositoryFacts } from '../../metadata/metadata.ts'
import type { Tag } from '../../oci/reference.ts'
import { parseRepositoryName } from '../../oci/repository-name.ts'
import { createListContent, type ListPage, MAX_PAGE_ENTRIES } from './list-content.ts'

const rooms = await RegistryRooms.open()
after(() => rooms[Symbol.asyncDispose]())

async function enterWithTags(tags: readonly string[]): Promise<RegistryRoom> {
  const room = rooms.enter()
  await room.pushBlob('{}')
  for (const tag of tags) await room.pushManifest(formatManifest(), tag)
  return room
}

/** All pages of a list, of `n` entries each. */
async function readPages<T extends string>(
  list: (page: { n: number | undefined; last: string | undefined }) => Promise<ListPage<T>>,
  n: number,
): Promise<(readonly T[])[]> {
  const pages: (readonly T[])[] = []
  let last: string | undefined
  do {
    const { entries, next } = await list({ n, last })
    pages.push(entries)
    last = next
  } while (last !== undefined)
  return pages
}

test('tags come in the order of their bytes, in pages whose end is known', async () => {
  const room = await enterWithTags(['v2', 'b', 'V1', '_a', 'v10'])
  const sorted = ['V1', '_a', 'b', 'v10', 'v2']
  const list = (page: { n: number | undefined; last: string | undefined }): Promise<ListPage<Tag>> =>
    room.registry.listTags(room.repository, page)
  assert.deepEqual(await list({ n: undefined, last: undefined }), { entries: sorted, next: undefined })
  assert.deepEqual(await readPages(list, 2), [sorted.slice(0, 2), sorted.slice(2, 4), sorted.slice(4)])
  assert.deepEqual(await readPages(list, 5), [sorted])
  assert.deepEqual(await list({ n: 1, last: 'c' }), { entries: ['v10'], next: 'v10' })
  assert.deepEqual(await list({ n: 0, last: undefined }), { entries: [], next: undefined })
  assert.deepEqual((await list({ n: 9, last: 'z' })).entries, [])
})

test('a repository that is not there has no list; one without tags has an empty one', async () => {
  const room = await enterWithTags([])
  const page = { n: undefined, last: undefined }
  const unknown = { code: 'NAME_UNKNOWN', detail: { name: room.other } }
  await assert.rejects(room.registry.listTags(room.other, page), unknown)
  assert.deepEqual(await room.registry.listTags(room.repository, page), { entries: [], next: undefined })
})

test('repositories are listed inside the filter alone, in pages', async () => {
  const room = rooms.enter()
  const names = ['/b', '/a/x', '/a-b'].map((name) => parseRepositoryName(`${room.owner}${name}`))
  const beside = ['', 'x/a'].map((name) => parseRepositoryName(`${room.owner}${name}`))
  for (const name of [...names, ...beside]) {
    await room.pushBlob('{}', name)
    await room.pushManifest(formatManifest(), 'v1', name)
  }
  await room.pushBlob('{}')
  const sorted = [...names].sort()
  const visible = { prefixes: [`${room.owner}/`] }
  const pages = await readPages((page) => room.registry.listRepositories(visible, page), 2)
  assert.deepEqual(pages, [sorted.slice(0, 2), sorted.slice(2)])
  const page = { n: undefined, last: undefined }
  assert.deepEqual(
    (await room.registry.listRepositories({ names: [names[0] ?? room.other] }, page)).entries,
    [names[0]],
  )
  assert.deepEqual((await room.registry.listRepositories({ prefixes: [] }, page)).entries, [])
})

test('a page has so many entries at most, however many are wanted', async () => {
  const limits: number[] = []
  const metadata: Pick<RepositoryFacts, 'listTags' | 'listRepositories'> = {
    listTags: async (_repository, { limit }) => {
      limits.push(limit)
      return Array.from({ length: limit }, (_, index) => String(index) as Tag)
    },
    listRepositories: async () => [],
  }
  const { listTags } = createListContent({ metadata })
  for (const n of [undefined, MAX_PAGE_ENTRIES + 5]) {
    const { entries, next } = await listTags(parseRepositoryName('alice/app'), { n, last: undefined })
    assert.deepEqual([entries.length, next], [MAX_PAGE_ENTRIES, String(MAX_PAGE_ENTRIES - 1)])
  }
  // One more than the page, which shows that another follows.
  assert.deepEqual(limits, [MAX_PAGE_ENTRIES + 1, MAX_PAGE_ENTRIES + 1])
})
