import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { makeTempFolder } from '../../../../test/support/machine/temp-folder.ts'
import { makeDataFolder } from '../../../../test/support/program/new-data.ts'
import { type CliCall, runCli } from '../../../../test/support/program/run-cli.ts'
import { databaseFile } from '../../../app/folders/data-folder.ts'

const TAGS = ['latest', 'pr-1', 'pr-2', 'pr-10', 'v1']

/** A data folder with the repository alice/app, whose tags all point at one manifest. */
async function open() {
  const folder = await makeTempFolder('tag-delete')
  const data = join(folder.path, 'data')
  await makeDataFolder(data)
  using database = new DatabaseSync(databaseFile(data))
  database.exec(`
    insert into repositories (id, name, created_at) values (1, 'alice/app', 0);
    insert into manifests (repository_id, digest, media_type, size, bytes, created_at) values (1, 'sha256:1', 'a/b', 0, x'', 0);
  `)
  const insert = database.prepare(
    `insert into tags (repository_id, name, digest, updated_at) values (1, ?, 'sha256:1', 0)`,
  )
  for (const tag of TAGS) insert.run(tag)
  const berth = (args: readonly string[], call?: CliCall) => runCli([...args, '--data', data], call)
  return {
    berth,
    async list(): Promise<string[]> {
      const { tags } = JSON.parse((await berth(['tag', 'list', 'alice/app', '--json'])).stdout)
      return tags.map(({ name }: { name: string }) => name)
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

test('`berth tag delete` deletes all tags that a pattern matches, after a question that names them', async () => {
  await using t = await open()
  const dry = await t.berth(['tag', 'delete', 'alice/app', 'pr-*', '--dry-run'])
  assert.match(dry.stdout, /^pr-1\npr-10\npr-2\nNo room becomes free: /)
  const refused = await t.berth(['tag', 'delete', 'alice/app', 'pr-*'], { typed: ['n'] })
  assert.match(refused.stdout, /Delete 3 tags of alice\/app \(pr-1, pr-10, pr-2\)\?/)
  assert.match(refused.stderr, /^error\[CANCELLED\]/)
  assert.deepEqual(await t.list(), TAGS.toSorted())
  const { stdout } = await t.berth(['tag', 'delete', 'alice/app', 'pr-?', '--yes'])
  assert.match(stdout, /^2 tags of alice\/app were deleted/)
  assert.deepEqual(await t.list(), ['latest', 'pr-10', 'v1'])
})

test('`berth tag delete` takes a name without a pattern as it is', async () => {
  await using t = await open()
  assert.match((await t.berth(['tag', 'delete', 'alice/app', 'pr', '--yes'])).stderr, /^error\[TAG_UNKNOWN\]/)
  assert.match((await t.berth(['tag', 'delete', 'alice/app', 'x*', '--yes'])).stderr, /^error\[TAG_UNKNOWN\]/)
  assert.match(
    (await t.berth(['tag', 'delete', 'bob/app', '*', '--yes'])).stderr,
    /^error\[REPOSITORY_UNKNOWN\]/,
  )
  assert.equal((await t.berth(['tag', 'delete', 'alice/app', 'v1', '--yes'])).code, 0)
  assert.deepEqual(await t.list(), ['latest', 'pr-1', 'pr-10', 'pr-2'])
})
