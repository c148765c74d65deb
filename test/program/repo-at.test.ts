import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { bootBerth } from '../support/program/boot-berth.ts'
import { formatManifest, hashSha256, pushBlob, putManifest } from '../support/requests/push-content.ts'
import { RawClient } from '../support/requests/raw-request.ts'

async function open() {
  const resources = new AsyncDisposableStack()
  const berth = resources.use(await bootBerth({ users: [{ name: 'alice', isAdmin: true }] }))
  const http = resources.use(new RawClient(berth.port, { authorization: berth.authorization('alice') }))
  const policies = join(berth.dataDir, 'policies.yaml')
  return {
    /** Pushes an image of one layer, and returns its digest. */
    async push(text: string, ...tags: string[]): Promise<string> {
      const layer = Buffer.from(text)
      await pushBlob(http, 'alice/app', layer)
      const manifest = formatManifest([layer])
      for (const reference of tags) {
        assert.equal(await putManifest(http, { repository: 'alice/app', reference }, manifest), 201)
      }
      return hashSha256(manifest)
    },
    async list(): Promise<Record<string, string>> {
      const { tags } = JSON.parse(await berth.command(['tag', 'list', 'alice/app', '--json']))
      return Object.fromEntries(tags.map((tag: { name: string; digest: string }) => [tag.name, tag.digest]))
    },
    async applyPolicies(text: string) {
      await writeFile(policies, text)
      await berth.command(['policy', 'apply', policies])
    },
    berth: (...args: string[]) => berth.command(args),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}

/** A time after everything that was recorded before, and before everything after it. */
async function takeTime(): Promise<string> {
  await new Promise((resolve) => setTimeout(resolve, 5))
  const at = new Date().toISOString()
  await new Promise((resolve) => setTimeout(resolve, 5))
  return at
}

test('`berth repo show --at` and `berth repo restore --at` undo all that happened to tags since, in one command', async () => {
  await using t = await open()
  const one = await t.push('one', 'latest', 'v1', 'v2')
  const at = await takeTime()
  const two = await t.push('two', 'latest', 'v2', 'new')
  await t.berth('tag', 'delete', 'alice/app', 'v1', '--yes')
  const after = await takeTime()

  const { tags } = JSON.parse(await t.berth('repo', 'show', 'alice/app', '--at', at, '--json'))
  const shown = tags.map((tag: Record<string, unknown>) => [tag.name, tag.digest, tag.by, tag.content])
  assert.deepEqual(
    shown,
    ['latest', 'v1', 'v2'].map((name) => [name, one, 'alice', 'stored']),
  )
  const dry = await t.berth('repo', 'restore', 'alice/app', '--at', at, '--dry-run')
  assert.match(dry, new RegExp(`^move +latest +${two} +${one}`, 'm'))
  assert.match(dry, new RegExp(`^remove +new +${two} +-`, 'm'))
  assert.match(dry, new RegExp(`^add +v1 +- +${one}`, 'm'))
  assert.deepEqual(await t.list(), { latest: two, new: two, v2: two })

  await t.berth('repo', 'restore', 'alice/app', '--at', at, '--keep-new', '--yes')
  assert.deepEqual(await t.list(), { latest: one, new: two, v1: one, v2: one })
  assert.match(await t.berth('repo', 'restore', 'alice/app', '--at', at, '--yes'), /\n1 tags of/)
  assert.deepEqual(await t.list(), { latest: one, v1: one, v2: one })
  assert.match(await t.berth('repo', 'restore', 'alice/app', '--at', at, '--yes'), /stand as they did then/)
  // The restore itself can be undone.
  await t.berth('repo', 'restore', 'alice/app', '--at', after, '--yes')
  assert.deepEqual(await t.list(), { latest: two, new: two, v2: two })
})

test('`berth repo restore --at` keeps immutable and pinned tags, and names them; the rest is set back', async () => {
  await using t = await open()
  const one = await t.push('one', 'latest', 'v1')
  const at = await takeTime()
  const two = await t.push('two', 'latest', 'v1', 'pinned', 'new')
  await t.berth('tag', 'pin', 'alice/app', 'pinned', '--reason', 'the contract')
  await t.applyPolicies("policies:\n  - { repositories: ['alice/**'], immutable: ['v*'] }\n")
  const dry = await t.berth('repo', 'restore', 'alice/app', '--at', at, '--dry-run')
  assert.match(dry, /^keep +v1 .*immutable: v\*/m)
  assert.match(dry, /^keep +pinned .*pinned: the contract/m)
  await assert.rejects(
    t.berth('repo', 'restore', 'alice/app', '--at', at, '--yes'),
    /TAGS_KEPT[\s\S]*3 tags stay as they are: new \(pinned: the contract\), pinned/,
  )
  assert.deepEqual(await t.list(), { latest: one, new: two, pinned: two, v1: two })
})

test('a time that is no longer known, or before the repository, has an error; a deleted repository is shown', async () => {
  await using t = await open()
  const before = await takeTime()
  await t.push('one', 'latest')
  const at = await takeTime()
  const two = await t.push('two', 'latest')
  await assert.rejects(t.berth('repo', 'show', 'alice/app', '--at', before), /REPOSITORY_UNKNOWN/)
  await assert.rejects(t.berth('repo', 'show', 'alice/app', '--at', 'noon'), /USAGE/)
  await t.berth('repo', 'delete', 'alice/app', '--yes')
  assert.match(await t.berth('repo', 'show', 'alice/app', '--at', at), /^latest .*stored$/m)
  await assert.rejects(t.berth('repo', 'restore', 'alice/app', '--at', at, '--yes'), /was deleted at/)
  await t.berth('trash', 'restore', 'alice/app')
  await t.berth('gc', '--now', '--yes')
  await assert.rejects(t.berth('repo', 'show', 'alice/app', '--at', at), (error: Error) => {
    const [, known] = /HISTORY_FORGOTTEN[\s\S]*Give (\S+) or a later time/.exec(error.message) ?? []
    assert.ok(known, error.message)
    return true
  })
  assert.deepEqual(await t.list(), { latest: two })
})
