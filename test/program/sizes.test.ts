import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { bootBerth } from '../support/program/boot-berth.ts'
import { formatManifest, hashSha256, pushBlob, putManifest } from '../support/requests/push-content.ts'
import { RawClient } from '../support/requests/raw-request.ts'

const BASE = Buffer.alloc(3_000, 'base')

test('`berth du`, `repo list --sort size` and `tag list` say what takes up space, and what only one of them holds', async () => {
  await using resources = new AsyncDisposableStack()
  const berth = resources.use(await bootBerth({ users: [{ name: 'alice', isAdmin: true }] }))
  const http = resources.use(new RawClient(berth.port, { authorization: berth.authorization('alice') }))
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

test('a push beyond the quota is refused with the numbers, by POST, PATCH and PUT, and `berth quota list` shows the use', async () => {
  await using resources = new AsyncDisposableStack()
  const berth = resources.use(await bootBerth({ users: [{ name: 'alice', isAdmin: true }] }))
  const http = resources.use(new RawClient(berth.port, { authorization: berth.authorization('alice') }))
  const file = join(berth.dataDir, 'policies.yaml')
  await writeFile(file, "quotas:\n  - { user: '*', bytes: 4KiB }\n")
  await berth.command(['policy', 'apply', file])
  await pushBlob(http, 'alice/app', BASE)
  const large = Buffer.alloc(2_000, 'large')
  const digest = hashSha256(large)
  const whole = await http.send('POST', `/v2/alice/app/blobs/uploads/?digest=${digest}`, { body: large })
  assert.equal(whole.status, 403)
  const [error] = JSON.parse(whole.body.toString()).errors
  assert.match(
    error.message,
    /^The quota of alice is used up: 3000 of 4096 bytes are used, and 2000 more are wanted/,
  )
  assert.deepEqual(error.detail, {
    reason: 'quota',
    namespace: 'alice',
    used: 3_000,
    limit: 4_096,
    wanted: 2_000,
  })
  const session = await http.send('POST', '/v2/alice/app/blobs/uploads/')
  assert.equal(session.status, 202)
  const patched = await http.send('PATCH', String(session.headers.location), { body: large })
  assert.equal(patched.status, 403)
  const { quotas } = JSON.parse(await berth.command(['quota', 'list', '--json']))
  assert.deepEqual(quotas, [{ namespace: 'alice', bytes: 4_096, use: { bytes: 3_000, repositories: 1 } }])
  assert.match(
    await berth.command(['policy', 'test', 'alice/app']),
    /quota +quotas +alice +2\.93 KiB of 4\.00 KiB/,
  )
})
