import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { startBerth } from '../../src/app/start.ts'
import { loadConfig } from '../../src/config/load/load-config.ts'
import { createLogger } from '../../src/log/logger.ts'
import { createDistributionTree } from '../support/content/distribution-tree.ts'
import { postgresSkipReason, startPostgresServer } from '../support/database/postgres-server.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { runCli } from '../support/program/run-cli.ts'
import { serve } from '../support/program/served-berth.ts'

test('berth adopt takes a folder over, and a server of it serves the images', async () => {
  await using folder = await makeTempFolder('adopt')
  const tree = createDistributionTree(folder.path)
  const image = tree.image('team/app', 'one', { tag: 'v1' })
  tree.write('repositories/team/app/_manifests/tags/v2/current/link', '')

  const preview = await runCli(['adopt', folder.path, '--dry-run', '--json'])
  assert.equal(preview.code, 0)
  const { tags, manifests, blobs, notes, state, isPreview } = JSON.parse(preview.stdout)
  assert.deepEqual(
    [tags, manifests, blobs, state, isPreview],
    [{ adopted: 1, known: 0 }, { adopted: 1, known: 0 }, { adopted: 2, known: 0 }, 'kept', true],
  )
  assert.deepEqual(notes, [
    { kind: 'torn-link', count: 1, examples: ['team/app/_manifests/tags/v2/current/link'] },
  ])
  assert.ok(!existsSync(join(folder.path, 'berth')))

  const adopted = await runCli(['adopt', folder.path])
  assert.equal(adopted.code, 0)
  assert.match(adopted.stdout, /^1 repositories\n/)
  assert.match(adopted.stdout, /torn-link +1 +team\/app\/_manifests\/tags\/v2\/current\/link/)
  const again = await runCli(['adopt', folder.path])
  assert.equal(again.code, 0)
  assert.match(again.stdout, /was taken over before/)
  const list = await runCli(['tag', 'list', 'team/app', '--data', join(folder.path, 'berth'), '--json'])
  assert.match(list.stdout, new RegExp(image.digest))

  const left = await runCli(['leave', folder.path])
  assert.equal(left.code, 0, left.stderr)
  assert.match(left.stdout, /tags +1 +1 +0/)
  assert.ok(existsSync(join(tree.top, 'repositories/team/app/_manifests/tags/v1/current/link')))
  assert.equal((await runCli(['adopt', folder.path])).code, 0)

  const flags = { 'registry-root': folder.path, 'listen-http': '127.0.0.1:0' }
  const { config } = loadConfig({ flags, env: {}, cwd: folder.path })
  const log: string[] = []
  const logger = createLogger({ level: 'warn', format: 'json' }, { write: (line) => void log.push(line) })
  const server = await startBerth(config, logger)
  await server.stop()
  assert.deepEqual(log, [])
})

test('berth adopt refuses a folder without repositories, and a data folder whose blobs are elsewhere', async () => {
  await using folder = await makeTempFolder('adopt')
  const none = await runCli(['adopt', folder.path])
  assert.equal(none.code, 1)
  assert.match(none.stderr, /^error\[NOTHING_TO_ADOPT\]: There are no repositories/)
})

test('a folder of links elsewhere and one without its blobs stay as they are, until all is there', async () => {
  await using folder = await makeTempFolder('adopt')
  const tree = createDistributionTree(folder.path)
  tree.image('team/app', 'one', { tag: 'v1' })
  const links = join(tree.top, 'repositories')
  const [elsewhere, blobs] = [join(folder.path, 'elsewhere'), join(tree.top, 'blobs')]
  const refuse = async (kind: RegExp): Promise<void> => {
    const { code, stdout, stderr } = await runCli(['adopt', folder.path])
    assert.equal(code, 1)
    assert.match(stdout, kind)
    assert.match(
      stderr,
      /error\[ADOPT_INCOMPLETE\]: .* its links stay where they are, and no blob is removed/,
    )
    assert.ok(existsSync(links))
    assert.ok(!existsSync(`${links}.adopted`))
    const gc = await runCli(['gc', '--yes', '--data', join(folder.path, 'berth')], {
      env: { BERTH_REGISTRY_ROOT: folder.path },
    })
    assert.match(gc.stderr, /error\[COLLECTION_HELD\]/)
  }
  await rename(links, elsewhere)
  await symlink(elsewhere, links)
  await refuse(/symbolic-link +1 +\./)
  await rm(links)
  await rename(elsewhere, links)
  await rename(blobs, elsewhere)
  await mkdir(blobs)
  await refuse(/missing-blob/)
  await rm(blobs, { recursive: true })
  await rename(elsewhere, blobs)
  const whole = await runCli(['adopt', folder.path])
  assert.equal(whole.code, 0, whole.stderr)
  assert.match(whole.stdout, /manifests +1 +0/)
})

test('on the way back, too, a folder without its blobs stays as it is', async () => {
  await using folder = await makeTempFolder('adopt')
  const tree = createDistributionTree(folder.path)
  tree.image('team/app', 'one', { tag: 'v1' })
  const [blobs, elsewhere] = [join(tree.top, 'blobs'), join(folder.path, 'elsewhere')]
  for (const command of ['adopt', 'leave']) {
    const { code, stderr } = await runCli([command, folder.path])
    assert.equal(code, 0, stderr)
  }
  tree.image('team/app', 'pushed with Distribution', { tag: 'v2' })
  await rename(blobs, elsewhere)
  await mkdir(blobs)
  const { code, stderr } = await runCli(['adopt', folder.path])
  assert.equal(code, 1)
  assert.match(stderr, /error\[ADOPT_INCOMPLETE\]/)
  await rm(blobs, { recursive: true })
  await rename(elsewhere, blobs)
  const whole = await runCli(['adopt', folder.path])
  assert.match(whole.stdout, /manifests +1 +1/, whole.stderr)
})

test('a server started with --adopt takes the folder over first, and one without says how', async () => {
  await using folder = await makeTempFolder('adopt')
  const tree = createDistributionTree(folder.path)
  const image = tree.image('team/app', 'one', { tag: 'v1' })
  const data = join(folder.path, 'data')
  {
    await using server = await serve(data, '--registry-root', folder.path)
    assert.match(server.output(), /berth adopt/)
  }
  {
    await using _server = await serve(data, '--registry-root', folder.path, '--adopt')
    const list = await runCli(['tag', 'list', 'team/app', '--data', data, '--json'])
    assert.match(list.stdout, new RegExp(image.digest))
  }
  await using server = await serve(data, '--registry-root', folder.path, '--adopt')
  assert.doesNotMatch(server.output(), /berth adopt/)
})

const noPostgres = postgresSkipReason()
for (const engine of ['sqlite', 'postgres'] as const) {
  test(`the error of a lost database names commands that bring adopted images back (${engine})`, {
    skip: engine === 'postgres' && noPostgres,
  }, async () => {
    await using resources = new AsyncDisposableStack()
    const folder = resources.use(await makeTempFolder('adopt-lost'))
    const server = engine === 'postgres' ? resources.use(await startPostgresServer()) : undefined
    const makeEnv = async () => ({
      env: server ? { BERTH_DATABASE: (await server.createDatabase()).url } : {},
    })
    const before = await makeEnv()
    const tree = createDistributionTree(folder.path)
    const image = tree.image('team/app', 'one', { tag: 'v1' })
    assert.equal((await runCli(['adopt', folder.path], before)).code, 0)
    const data = join(folder.path, 'berth')
    for (const side of ['', '-wal', '-shm']) await rm(join(data, `berth.db${side}`), { force: true })
    const lost = await makeEnv()
    const refused = await runCli(['adopt', folder.path], lost)
    assert.match(refused.stderr, /^error\[DATABASE_LOST\]/)
    const named = /"mv (\S+) (\S+)" and then "berth (adopt \S+ --new)"/.exec(refused.stderr)
    const [, from = '', to = '', adopt = ''] = named ?? assert.fail(refused.stderr)
    await rename(from, to)
    assert.match(
      (await runCli(['adopt', folder.path], lost)).stderr,
      /"berth adopt \S+ --new" brings back .*links in/,
    )
    const adopted = await runCli(adopt.split(' '), lost)
    assert.equal(adopted.code, 0, adopted.stderr)
    const list = await runCli(['tag', 'list', 'team/app', '--data', data, '--json'], lost)
    assert.match(list.stdout, new RegExp(image.digest))
  })
}
