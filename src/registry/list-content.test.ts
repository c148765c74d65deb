import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  APP,
  imageOf,
  openRegistry,
  pushText,
  putManifest,
  refusalOf,
} from '../../test/support/open-registry.ts'
import { parseRepositoryName } from '../oci/repository-name.ts'
import type { PageRequest } from '../oci/request.ts'
import type { ListPage } from './list-content.ts'

/** All pages, each as the request for the one before it has said. */
async function walk<T>(
  n: number,
  list: (page: PageRequest) => Promise<ListPage<T>>,
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

test('`listTags()` lists by the bytes of the names, a page at a time', async () => {
  await using opened = await openRegistry()
  const { registry } = opened
  await pushText(registry, APP, 'config')
  for (const tag of ['b', 'a', 'B', '1', 'a-b']) await putManifest(registry, imageOf(['config']), { tag })
  assert.deepEqual(await walk(2, (page) => registry.listTags(APP, page)), [['1', 'B'], ['a', 'a-b'], ['b']])
  assert.deepEqual(await walk(5, (page) => registry.listTags(APP, page)), [['1', 'B', 'a', 'a-b', 'b']])
  const all = await registry.listTags(APP, { n: undefined, last: undefined })
  assert.deepEqual([all.entries.length, all.next], [5, undefined])
  const none = await registry.listTags(APP, { n: undefined, last: 'zzz' })
  assert.deepEqual(none, { entries: [], next: undefined })
})

test('`listTags()` does not know a repository that holds nothing', async () => {
  await using opened = await openRegistry()
  const listed = opened.registry.listTags(APP, { n: undefined, last: undefined })
  assert.deepEqual((await refusalOf('NAME_UNKNOWN', listed)).detail, { name: 'alice/app' })
})

test('`listRepositories()` lists what is visible, a page at a time', async () => {
  await using opened = await openRegistry()
  const { registry } = opened
  for (const name of ['alice/b', 'alice/a', 'alice', 'alicea/x', 'bob/a']) {
    const repository = parseRepositoryName(name)
    await pushText(registry, repository, 'config')
    await putManifest(registry, imageOf(['config']), { repository })
  }
  const own = { prefixes: ['alice/'] }
  assert.deepEqual(await walk(1, (page) => registry.listRepositories(own, page)), [['alice/a'], ['alice/b']])
  assert.deepEqual(await walk(3, (page) => registry.listRepositories('all', page)), [
    ['alice', 'alice/a', 'alice/b'],
    ['alicea/x', 'bob/a'],
  ])
  assert.deepEqual(await walk(9, (page) => registry.listRepositories({ prefixes: [] }, page)), [[]])
})
