import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { makeTempFolder } from '../../../../test/support/machine/temp-folder.ts'
import { makeDataFolder } from '../../../../test/support/program/new-data.ts'
import { type CliCall, type CliResult, runCli } from '../../../../test/support/program/run-cli.ts'
import { databaseFile } from '../../../app/folders/data-folder.ts'

const PASSWORD = 'correct horse battery'

test('user remove says what becomes of the repositories, and user add whose they would be', async () => {
  await using folder = await makeTempFolder('user-remove')
  const data = join(folder.path, 'data')
  await makeDataFolder(data)
  const berth = (args: string, call?: CliCall): Promise<CliResult> =>
    runCli([...args.split(' '), '--data', data], call)
  const stdin = `${PASSWORD}\n`
  for (const name of ['alice', 'bob', 'carol']) await berth(`user add ${name} --password-stdin`, { stdin })
  {
    using database = new DatabaseSync(databaseFile(data))
    const insert = database.prepare('insert into repositories (name, created_at) values (?, 0)')
    database.exec("insert into blobs (digest, size, created_at) values ('sha256:1', 1, 0)")
    const link = database.prepare(
      'insert into repository_blobs (repository_id, digest, created_at) values (?, ?, 0)',
    )
    for (const name of ['alice/app', 'alice/web', 'bob/app', 'bobby/app', 'carol/app']) {
      link.run(insert.run(name).lastInsertRowid, 'sha256:1')
    }
  }
  assert.equal(
    (await berth('user remove alice --yes --give-to bob')).stdout,
    'User alice was removed. Its 2 repositories are owned by bob: alice/app, alice/web\n',
  )
  const kept = await berth('user remove carol --yes')
  assert.match(
    kept.stdout,
    /^User carol was removed\. Its repository is kept, and nobody owns them .*: carol\/app\n$/,
  )
  const refused = await berth('user add carol --password-stdin', { stdin })
  assert.match(refused.stderr, /^error\[NAME_TAKEN\]: .*carol\/app.* --take-over/)
  assert.equal((await berth('user add carol --take-over --password-stdin', { stdin })).code, 0)
  assert.equal((await berth('user remove bob --yes --give-to carol --with-repositories')).code, 2)
  const deleted = JSON.parse((await berth('user remove bob --yes --with-repositories --json')).stdout)
  assert.deepEqual([deleted.repositories.count, deleted.repositories.now], [3, 'deleted'])
  const { repositories } = JSON.parse((await berth('repo list --json')).stdout)
  assert.deepEqual(
    repositories.map(({ name }: { name: string }) => name),
    ['bobby/app', 'carol/app'],
  )
  assert.equal((await berth('user add alice --password-stdin', { stdin })).code, 0)
})

test('user remove --with-repositories removes nothing if one of them is protected', async () => {
  await using folder = await makeTempFolder('user-remove')
  const data = join(folder.path, 'data')
  await makeDataFolder(data)
  const berth = (args: string, call?: CliCall): Promise<CliResult> =>
    runCli([...args.split(' '), '--data', data], call)
  await berth('user add alice --password-stdin', { stdin: `${PASSWORD}\n` })
  {
    using database = new DatabaseSync(databaseFile(data))
    const insert = database.prepare('insert into repositories (name, created_at) values (?, 0)')
    const put = database.prepare(
      "insert into manifests (repository_id, digest, media_type, size, bytes, created_at) values (?, 'sha256:1', 'x', 1, 'x', 0)",
    )
    const tag = database.prepare(
      "insert into tags (repository_id, name, digest, updated_at) values (?, 'v1', 'sha256:1', 0)",
    )
    for (const name of ['alice/app', 'alice/base', 'alice/web']) {
      const id = insert.run(name).lastInsertRowid
      put.run(id)
      tag.run(id)
    }
  }
  const apply = (immutable: string) =>
    berth('policy apply -', {
      stdin: `policies: [{ repositories: [alice/base], immutable: [${immutable}] }]`,
    })
  assert.equal((await apply('v1')).code, 0)
  const refused = await berth('user remove alice --yes --with-repositories')
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /^error\[DENIED\]: alice\/base has an immutable tag \(v1\)/)
  const list = async (of: string) => JSON.parse((await berth(`${of} list --json`)).stdout)
  assert.equal((await list('repo')).repositories.length, 3)
  assert.ok((await list('user')).users.some(({ name }: { name: string }) => name === 'alice'))
  assert.equal((await apply('')).code, 0)
  assert.equal((await berth('user remove alice --yes --with-repositories')).code, 0)
  assert.equal((await list('repo')).repositories.length, 0)
})
