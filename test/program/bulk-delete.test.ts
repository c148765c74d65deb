import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { bootBerth } from '../support/program/boot-berth.ts'
import { formatManifest, hashSha256, pushBlob, putManifest } from '../support/requests/push-content.ts'
import { RawClient } from '../support/requests/raw-request.ts'

const CONFIG = Buffer.from('{}')
const LAYER = Buffer.alloc(300_000, 'a layer')

test('manifests and repositories are deleted with a preview of what goes with them and what becomes free', async () => {
  await using berth = await bootBerth({ users: [{ name: 'alice', isAdmin: true }] })
  await using http = new RawClient(berth.port, { authorization: berth.authorization('alice') })
  const manifest = formatManifest([CONFIG, LAYER])
  const digest = hashSha256(manifest)
  for (const repository of ['alice/app', 'alice/pr-1', 'alice/pr-2']) {
    await pushBlob(http, repository, CONFIG)
    await pushBlob(http, repository, repository === 'alice/pr-1' ? Buffer.alloc(500_000, '1') : LAYER)
    const own = formatManifest([CONFIG, repository === 'alice/pr-1' ? Buffer.alloc(500_000, '1') : LAYER])
    for (const reference of ['v1', 'v2']) {
      assert.equal(await putManifest(http, { repository, reference }, own), 201)
    }
  }
  const name = `alice/app@${digest}`
  const listTags = async (repository: string): Promise<string[]> => {
    const { tags } = JSON.parse(await berth.command(['tag', 'list', repository, '--json']))
    return tags.map((tag: { name: string }) => tag.name)
  }
  const dry = await berth.command(['manifest', 'delete', name, '--dry-run'])
  assert.match(dry, /Tags that go with it: v1, v2\nNo room becomes free: other images or repositories need/)
  const single = formatManifest([CONFIG, Buffer.alloc(500_000, '1')])
  const readFreeing = async (...args: string[]): Promise<number> => {
    const shown = JSON.parse(await berth.command([...args, '--dry-run', '--json']))
    return (shown.freeing ?? shown.manifest.freeing).bytes
  }
  assert.equal(
    await readFreeing('manifest', 'delete', `alice/pr-1@${hashSha256(single)}`),
    500_000 + single.length,
  )
  // One tag leaves the image to the other.
  assert.equal(await readFreeing('tag', 'delete', 'alice/pr-1', 'v1'), 0)
  assert.equal(await readFreeing('tag', 'delete', 'alice/pr-1', 'v*'), 500_000 + single.length)
  assert.match(
    await berth.command(['tag', 'delete', 'alice/pr-1', 'v*', '--dry-run']),
    /^v1\nv2\n489 KiB become free at 20\d\d-.*; until then "berth tag restore"/,
  )
  assert.deepEqual(await listTags('alice/app'), ['v1', 'v2'])
  const { manifest: deleted } = JSON.parse(
    await berth.command(['manifest', 'delete', name, '--yes', '--json']),
  )
  assert.deepEqual(deleted.tags, ['v1', 'v2'])
  assert.equal((await http.send('GET', `/v2/alice/app/manifests/${digest}`)).status, 404)
  await assert.rejects(berth.command(['manifest', 'delete', 'alice/pr-1@sha256:12', '--yes']), /USAGE/)
  await assert.rejects(
    berth.command(['manifest', 'delete', `alice/pr-1@${digest}`, '--yes']),
    /MANIFEST_UNKNOWN/,
  )

  // Deleted, and pushed again under another tag: it is not in the trash any more.
  assert.match(await berth.command(['trash', 'list']), new RegExp(digest))
  assert.equal(await putManifest(http, { repository: 'alice/app', reference: 'v3' }, manifest), 201)
  assert.doesNotMatch(await berth.command(['trash', 'list']), new RegExp(digest))

  await berth.command(['gc', 'pause', '--for', '2h', '--reason', 'a backup'])
  const status = await berth.command(['gc', 'status'])
  assert.match(status, /^Servers remove nothing: collection is paused .*: a backup\)\n/)
  await berth.command(['gc', 'resume'])
  assert.doesNotMatch(await berth.command(['gc', 'status']), /paused/)

  const preview = JSON.parse(await berth.command(['repo', 'delete', 'alice/pr-*', '--dry-run', '--json']))
  assert.deepEqual(
    preview.repositories.map((found: { name: string }) => found.name),
    ['alice/pr-1', 'alice/pr-2'],
  )
  // The layer of the second one is in the trash of alice/app, too, and its config everywhere.
  assert.equal(preview.freeing.bytes, 500_000 + single.length)
  const days = (Date.parse(preview.freeing.freeAt) - Date.now()) / (24 * 3_600_000)
  assert.ok(days > 13.9 && days < 14.1, `${days} days`)
  assert.match(
    await berth.command(['repo', 'delete', 'alice/pr-*', '--yes']),
    /^2 repositories were deleted\. [\d.]+ KiB become free at/,
  )
  await assert.rejects(berth.command(['repo', 'delete', 'alice/pr-*', '--yes']), /REPOSITORY_UNKNOWN/)
  const { repositories } = JSON.parse(await berth.command(['repo', 'list', '--json']))
  assert.deepEqual(
    repositories.map((found: { name: string }) => found.name),
    ['alice/app'],
  )
})

test('previews and deletions of repositories and manifests say what a policy or a pin keeps', async () => {
  await using berth = await bootBerth({ users: [{ name: 'alice', isAdmin: true }] })
  await using http = new RawClient(berth.port, { authorization: berth.authorization('alice') })
  const manifest = formatManifest([CONFIG, LAYER])
  const digest = hashSha256(manifest)
  for (const repository of ['alice/a', 'alice/b', 'alice/c', 'alice/d']) {
    await pushBlob(http, repository, CONFIG)
    await pushBlob(http, repository, LAYER)
    assert.equal(await putManifest(http, { repository, reference: 'v1' }, manifest), 201)
  }
  const policies = join(berth.dataDir, 'policies.yaml')
  await writeFile(policies, 'policies: [{repositories: [alice/b], immutable: [v1]}]')
  await berth.command(['policy', 'apply', policies])
  await berth.command(['tag', 'pin', 'alice/c', 'v1', '--reason', 'an audit'])

  for (const dry of [['--dry-run'], ['--yes']]) {
    await assert.rejects(
      berth.command(['manifest', 'delete', `alice/b@${digest}`, ...dry]),
      /DENIED.*immutable tag \(v1\)/,
    )
    await assert.rejects(
      berth.command(['manifest', 'delete', `alice/c@${digest}`, ...dry]),
      /DENIED.*an audit/,
    )
    await assert.rejects(berth.command(['repo', 'delete', 'alice/b', ...dry]), /DENIED.*immutable/)
  }
  const names = (found: readonly { name: string }[]): string[] => found.map(({ name }) => name)
  const preview = JSON.parse(await berth.command(['repo', 'delete', 'alice/*', '--dry-run', '--json']))
  assert.deepEqual(names(preview.repositories), ['alice/a', 'alice/d'])
  assert.deepEqual(names(preview.kept), ['alice/b', 'alice/c'])
  assert.match(
    await berth.command(['repo', 'delete', 'alice/*', '--dry-run']),
    /^alice\/b {2}kept: .*immutable/m,
  )
  const done = JSON.parse(await berth.command(['repo', 'delete', 'alice/*', '--yes', '--json']))
  assert.deepEqual(names(done.repositories), ['alice/a', 'alice/d'])
  assert.deepEqual(names(done.kept), ['alice/b', 'alice/c'])
  const { repositories } = JSON.parse(await berth.command(['repo', 'list', '--json']))
  assert.deepEqual(names(repositories), ['alice/b', 'alice/c'])
  assert.match(
    await berth.command(['repo', 'delete', 'alice/*', '--yes']),
    /^0 repositories were deleted\nalice\/b {2}kept: .*\nalice\/c {2}kept: alice\/c has a pinned manifest/,
  )

  await assert.rejects(berth.command(['tag', 'delete', 'alice/none', 'v1', '--yes']), /REPOSITORY_UNKNOWN/)
  await assert.rejects(
    berth.command(['tag', 'delete', 'alice/b', 'x*', '--yes']),
    /No tag of alice\/b matches x\*/,
  )
  await assert.rejects(
    berth.command(['tag', 'restore', 'alice/b', 'v1']),
    /v1 of alice\/b has pointed at no other/,
  )
  await assert.rejects(
    berth.command(['tag', 'restore', 'alice/b', 'v9']),
    /alice\/b has no history of a tag v9/,
  )
})
