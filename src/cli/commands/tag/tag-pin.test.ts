import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { makeTempFolder } from '../../../../test/support/machine/temp-folder.ts'
import { makeDataFolder } from '../../../../test/support/program/new-data.ts'
import { type CliCall, runCli } from '../../../../test/support/program/run-cli.ts'
import { databaseFile } from '../../../app/folders/data-folder.ts'

const DIGESTS = ['a', 'b'].map((letter) => `sha256:${letter.repeat(64)}`)

/** A data folder with the repository alice/app: v1 and latest point at one manifest, v2 at another. */
async function open() {
  const folder = await makeTempFolder('tag-pin')
  const data = join(folder.path, 'data')
  await makeDataFolder(data)
  using database = new DatabaseSync(databaseFile(data))
  database.exec(`insert into repositories (id, name, created_at) values (1, 'alice/app', 0)`)
  const manifest = database.prepare(
    `insert into manifests (repository_id, digest, media_type, size, bytes, created_at) values (1, ?, 'a/b', 0, x'', 0)`,
  )
  for (const digest of DIGESTS) manifest.run(digest)
  const insert = database.prepare(
    'insert into tags (repository_id, name, digest, updated_at) values (1, ?, ?, 0)',
  )
  const [one = '', two = ''] = DIGESTS
  for (const [tag, digest] of [
    ['v1', one],
    ['latest', one],
    ['v2', two],
  ] as const)
    insert.run(tag, digest)
  const berth = (args: readonly string[], call?: CliCall) => runCli([...args, '--data', data], call)
  return {
    one,
    two,
    berth,
    /** Runs a command that must succeed and returns its JSON. */
    async readJson(...args: string[]) {
      const { code, stdout, stderr } = await berth([...args, '--json'])
      assert.equal(code, 0, stderr)
      return JSON.parse(stdout)
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

test('`berth tag pin` pins the manifest of a tag or a digest, `pins` lists it, `unpin` ends it', async () => {
  await using t = await open()
  const { stdout } = await t.berth(['tag', 'pin', 'alice/app', 'v1', '--reason', 'the contract'])
  assert.equal(stdout, `${t.one} of alice/app is pinned; it stays so when the tag v1 moves\n`)
  await t.berth(['tag', 'pin', 'alice/app', t.two])
  assert.match(
    (await t.berth(['tag', 'pins'])).stdout,
    new RegExp(`^alice/app +${t.one} +v1 .* \\(command\\) +the contract$`, 'm'),
  )
  const { pins } = await t.readJson('tag', 'pins', 'alice/app')
  assert.deepEqual(
    pins.map(({ digest, reason }: Record<string, string>) => [digest, reason]),
    [
      [t.one, 'the contract'],
      [t.two, undefined],
    ],
  )
  const refused = await t.berth(['tag', 'delete', 'alice/app', 'latest', '--yes'])
  assert.equal(refused.code, 1)
  assert.match(
    refused.stderr,
    /^error\[DENIED\]: The tag latest of alice\/app points at a manifest that is pinned: the contract\..*"berth tag unpin alice\/app sha256/,
  )
  assert.match((await t.berth(['tag', 'list', 'alice/app'])).stdout, /^latest .* pinned: the contract$/m)
  assert.match((await t.berth(['tag', 'unpin', 'alice/app', 'v1'])).stdout, /is no longer pinned\n$/)
  assert.equal((await t.berth(['tag', 'delete', 'alice/app', 'latest', '--yes'])).code, 0)
  assert.equal((await t.berth(['repo', 'delete', 'alice/app', '--yes'])).code, 1)
})

test('what cannot be pinned or unpinned is an error that says so', async () => {
  await using t = await open()
  for (const [args, code, message] of [
    [['pin', 'alice/app', 'absent'], 1, /^error\[TAG_UNKNOWN\]: alice\/app has no manifest absent/],
    [['pin', 'alice/none', 'v1'], 1, /^error\[REPOSITORY_UNKNOWN\]: There is no repository alice\/none/],
    [['unpin', 'alice/none', 'v1'], 1, /^error\[REPOSITORY_UNKNOWN\]/],
    [['unpin', 'alice/app', 'v1'], 1, /^error\[TAG_UNKNOWN\]: alice\/app has no pin of v1/],
    [['pin', 'alice/app', 'a b'], 2, /^error\[TAG_INVALID\]/],
    [['pin', 'alice/app', 'sha256:1'], 2, /^error\[DIGEST_INVALID\]/],
    [['pin', 'alice/app', 'v1', '--reason', 'x'.repeat(201)], 2, /^error\[USAGE\]: The reason is longer/],
  ] as const) {
    const result = await t.berth(['tag', ...args])
    assert.equal(result.code, code, args.join(' '))
    assert.match(result.stderr, message)
  }
})

test('a pattern deletes no tag that is immutable or whose manifest is pinned, and names those that it keeps', async () => {
  await using t = await open()
  await t.berth(['policy', 'apply', '-'], {
    stdin: 'policies: [{repositories: [alice/**], immutable: [v1]}]',
  })
  await t.berth(['tag', 'pin', 'alice/app', 'v2', '--reason', 'the contract'])
  const { freeing, ...dry } = await t.readJson('tag', 'delete', 'alice/app', '*', '--dry-run')
  assert.equal(freeing.bytes, 0, 'a pinned image needs the same layer')
  assert.deepEqual(dry, {
    tags: [{ repository: 'alice/app', name: 'latest' }],
    kept: [
      { repository: 'alice/app', name: 'v1', why: 'immutable: v1' },
      { repository: 'alice/app', name: 'v2', why: 'pinned: the contract' },
    ],
  })
  const { stdout } = await t.berth(['tag', 'delete', 'alice/app', '*', '--yes'])
  assert.match(
    stdout,
    /^1 tag of .* Kept: 2: v1 \(immutable: v1\), v2 \(pinned: the contract\)\. No room becomes free/,
  )
  assert.match((await t.berth(['tag', 'delete', 'alice/app', 'v*'])).stdout, /^0 tags of .* Kept: 2[^.]*\n$/)
  const { tags } = await t.readJson('tag', 'list', 'alice/app')
  assert.deepEqual(
    tags.map(({ name, immutable, inUse }: Record<string, string>) => [name, immutable, inUse]),
    [
      ['v1', 'v1', null],
      ['v2', null, 'pinned: the contract'],
    ],
  )
})
