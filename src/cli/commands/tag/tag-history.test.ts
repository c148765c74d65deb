import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { makeTempFolder } from '../../../../test/support/machine/temp-folder.ts'
import { makeDataFolder } from '../../../../test/support/program/new-data.ts'
import { runCli } from '../../../../test/support/program/run-cli.ts'
import { databaseFile } from '../../../app/folders/data-folder.ts'

/** A data folder with the repository alice/app, whose tag `latest` has moved often. */
async function open({ moves }: { moves: number }) {
  const folder = await makeTempFolder('tag-history')
  const data = join(folder.path, 'data')
  await makeDataFolder(data)
  using database = new DatabaseSync(databaseFile(data))
  database.exec(`insert into repositories (id, name, created_at) values (1, 'alice/app', 0)`)
  const insert = database.prepare(`
    insert into tag_history (repository_id, name, digest, started_at, ended_at, ended_how)
    values (1, 'latest', 'sha256:' || ?, 0, ?, 'moved')`)
  for (let at = 1; at <= moves; at++) insert.run(String(at), at)
  return {
    berth: (...args: string[]) => runCli([...args, '--data', data]),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

test('`berth tag history` and `restore` name what is not there: the repository, or the tag', async () => {
  await using t = await open({ moves: 1 })
  for (const command of ['history', 'restore']) {
    const noRepository = await t.berth('tag', command, 'alice/none', 'latest')
    assert.match(noRepository.stderr, /^error\[REPOSITORY_UNKNOWN\]/)
    const noTag = await t.berth('tag', command, 'alice/app', 'none')
    assert.match(noTag.stderr, /^error\[TAG_UNKNOWN\]/)
    assert.deepEqual([noRepository.code, noTag.code], [1, 1])
  }
})

test('`berth tag history` says when it shows only the latest periods', async () => {
  await using t = await open({ moves: 501 })
  const { stdout, stderr } = await t.berth('tag', 'history', 'alice/app', 'latest', '--json')
  const { periods } = JSON.parse(stdout)
  assert.deepEqual([periods.length, periods[0].digest, periods[499].digest], [500, 'sha256:501', 'sha256:2'])
  assert.match(stderr, /"warning":\{"message":"[^"]*500/)
})
