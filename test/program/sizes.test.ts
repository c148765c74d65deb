import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bootBerth } from '../support/program/boot-berth.ts'
import { formatManifest, pushBlob, putManifest } from '../support/requests/push-content.ts'
import { RawClient } from '../support/requests/raw-request.ts'

const BASE = Buffer.alloc(3_000, 'base')

test('`berth du`, `repo list --sort size` and `tag list` say what takes up space, and what only one of them holds', async () => {
  await using resources = new AsyncDisposableStack()
  const berth = resources.use(await bootBerth({ users: [{ name: 'alice', isAdmin: true }] }))
  const basic = Buffer.from(`alice:${berth.requirePassword('alice')}`).toString('base64')
  const http = resources.use(new RawClient(berth.port, { authorization: `Basic ${basic}` }))
  const push = async (repository: string, tag: string, size: number): Promise<number> => {
    const layer = Buffer.alloc(size, `${repository}${size}`)
    for (const bytes of [BASE, layer]) await pushBlob(http, repository, bytes)
    const manifest = formatManifest([BASE, layer])
    assert.equal(await putManifest(http, { repository, reference: tag }, manifest), 201)
    return manifest.length
  }
  const read = async (...args: string[]) => JSON.parse(await berth.command([...args, '--json']))
  const one = await push('alice/app', 'v1', 100)
  const two = await push('alice/app', 'v2', 10_000)
  const web = await push('bob/web', 'v1', 50_000)

  const { repositories } = await read('repo', 'list', '--sort', 'size')
  assert.deepEqual(
    repositories.map((found: Record<string, unknown>) => [found.name, found.sizeBytes, found.uniqueBytes]),
    [
      ['bob/web', 53_000 + web, 50_000 + web],
      ['alice/app', 13_100 + one + two, 10_100 + one + two],
    ],
  )
  const { tags } = await read('tag', 'list', 'alice/app')
  assert.deepEqual(
    tags.map((tag: Record<string, unknown>) => [tag.name, tag.sizeBytes, tag.uniqueBytes]),
    [
      ['v1', 3_100 + one, 100 + one],
      ['v2', 13_000 + two, 10_000 + two],
    ],
  )
  // Overwritten and deleted images are kept for a while.
  await push('alice/app', 'v2', 100)
  await berth.command(['repo', 'delete', 'bob/web', '--yes'])
  const { totals, namespaces } = await read('du')
  assert.equal(totals.bytes, 63_100 + one + two + web)
  assert.equal(totals.untaggedBytes, 10_000 + two)
  assert.equal(totals.trashBytes, 50_000 + web)
  assert.deepEqual(
    namespaces.map((found: Record<string, unknown>) => [found.name, found.bytes, found.uniqueBytes]),
    [['alice', 13_100 + one + two, 10_100 + one + two]],
  )
  assert.match(await berth.command(['du', 'alice']), /^alice\/app +1[23]\.\d KiB/m)
  assert.match(await berth.command(['du', 'alice/app', '--top', '1']), /^TAG .*\nv1 /m)
  assert.match((await berth.command(['du', 'carol']).catch(String)) ?? '', /no repository in carol/)
})
