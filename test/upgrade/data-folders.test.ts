import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { MIGRATION_SETS } from '../../src/app/database/database-schema.ts'
import { missingMigrations } from '../../src/database/migrate.ts'
import { runCommand, runOk } from '../support/machine/run-command.ts'
import { BERTH_BIN } from '../support/program/boot-berth.ts'
import { cleanEnvironment } from '../support/program/served-berth.ts'
import { hashSha256 } from '../support/requests/push-content.ts'
import {
  type DataFolderContent,
  FIXTURE_NAMES,
  type FixtureImage,
  readRecord,
  USERS,
  unpackFixture,
} from './data-folder.ts'
import { DOMAIN, startOn } from './fixture-server.ts'
import { sendTls, type TlsTarget } from './tls-requests.ts'

for (const name of FIXTURE_NAMES) {
  test(`the data folder ${name} opens in this version: images, log-ins and certificates are there`, async () => {
    await using fixture = await unpackFixture(name)
    const { data, content } = fixture
    const update = await findUpdate(data)
    const server = await startOn(BERTH_BIN, fixture.path)
    try {
      const ca = await readFile(join(data, 'certificates/ca/authority.pem'), 'utf8')
      for (const user of ['alice', 'bob'] as const) {
        const password = USERS[user].password
        const target: TlsTarget = { port: server.port, domain: DOMAIN, ca, user, password }
        assert.equal((await sendTls(target, { method: 'GET', path: '/v2/' })).status, 200, user)
        assert.equal(
          (await sendTls({ ...target, password: 'wrong' }, { method: 'GET', path: '/v2/' })).status,
          401,
        )
        if (user === 'alice') {
          assert.ok(content.images.length >= 3)
          for (const image of content.images) await pull(target, image)
        }
      }
      await assertDoctorIsFine(data)
    } finally {
      assert.equal(await server.process.stop(), 0)
    }
    // Lines are gathered: all are written once the server has stopped.
    const log = await server.process.readLog()
    assert.equal(
      log.match(/the schema of the database is updated from \d+ to \d+; [^\n]*berth backup/g)?.length ?? 0,
      update,
    )
    assert.deepEqual(missingMigrations(MIGRATION_SETS, readRecord(data)), [])
    await assertCommandsKept(data, content)
  })
}

/**
 * 1 if a start will update the schema, as `berth doctor` says, which does not do so itself; otherwise 0.
 */
async function findUpdate(data: string): Promise<number> {
  const record = readRecord(data)
  const { stdout } = await runCommand(BERTH_BIN, ['doctor', '--json', '--data', data], {
    env: cleanEnvironment(),
  })
  const isDue = missingMigrations(MIGRATION_SETS, record).length > 0
  assert.equal(stdout.includes('is older than this version'), isDue, stdout)
  assert.deepEqual(readRecord(data), record)
  return isDue ? 1 : 0
}

/** Nothing fails but DNS, which does not know the name: the rest is as a server of today has it. */
async function assertDoctorIsFine(data: string): Promise<void> {
  const { stdout } = await runCommand(BERTH_BIN, ['doctor', '--json', '--data', data], {
    env: cleanEnvironment(),
  })
  const { findings }: { findings: { check: string; state: string }[] } = JSON.parse(stdout)
  assert.ok(
    findings.some(({ check, state }) => check === 'upkeep' && state === 'ok'),
    stdout,
  )
  assert.deepEqual(
    findings.filter(({ check, state }) => state === 'failed' && check !== 'dns'),
    [],
  )
}

/** Pulls an image as a client does, and compares all its bytes with their digests. */
async function pull(target: TlsTarget, { repository, tag, digest }: FixtureImage): Promise<void> {
  const read = async (path: string, expected: string): Promise<Buffer> => {
    const { status, body } = await sendTls(target, { method: 'GET', path: `/v2/${repository}/${path}` })
    assert.equal(status, 200, path)
    assert.equal(hashSha256(body), expected)
    return body
  }
  const pullManifest = async (reference: string, expected: string): Promise<void> => {
    const manifest = JSON.parse(String(await read(`manifests/${reference}`, expected)))
    for (const child of manifest.manifests ?? []) await pullManifest(child.digest, child.digest)
    for (const blob of manifest.config ? [manifest.config, ...manifest.layers] : [])
      await read(`blobs/${blob.digest}`, blob.digest)
  }
  await pullManifest(tag, digest)
}

/** Checks what commands of later versions had put into the folder. */
async function assertCommandsKept(data: string, { done }: DataFolderContent): Promise<void> {
  const command = (...args: string[]): Promise<string> =>
    runOk(BERTH_BIN, [...args, '--data', data], { env: cleanEnvironment() })
  if (done.includes('tag pin')) assert.match(await command('tag', 'pins', '--json'), /"fixture"/)
  if (done.includes('policy apply')) assert.match(await command('policy', 'show', '--json'), /"v\*"/)
  if (done.includes('token create'))
    assert.match(await command('token', 'list'), /fixture .* alice\/app:pull/)
  if (done.includes('robot create')) assert.match(await command('robot', 'list'), /fixture-robot +alice/)
  const tags = await command('tag', 'list', 'alice/app', '--json')
  assert.equal(tags.includes('"gone"'), !done.includes('tag delete'), tags)
}

test('the newest data folder lacks no migration: a new one needs a new fixture, see their README', async () => {
  await using fixture = await unpackFixture(FIXTURE_NAMES.at(-1) ?? '')
  assert.deepEqual(missingMigrations(MIGRATION_SETS, readRecord(fixture.data)), [])
})

test('status and a support bundle change nothing in a database of an earlier version', async () => {
  await using fixture = await unpackFixture('20-history-since')
  const record = readRecord(fixture.data)
  const berth = (...args: string[]) =>
    runCommand(BERTH_BIN, [...args, '--data', fixture.data], { env: cleanEnvironment() })
  assert.match((await berth('status')).stdout, /schema is that of an earlier version/)
  const file = join(fixture.path, 'bundle.txt')
  assert.equal((await berth('support-bundle', file)).code, 0)
  assert.match(await readFile(file, 'utf8'), /schema is that of an earlier version/)
  const { code, stderr } = await berth('support-bundle', join(fixture.path, 'other.txt'), '--no-names')
  assert.equal(code, 1)
  assert.match(stderr, /error\[SCHEMA_OLD\]/)
  assert.deepEqual(readRecord(fixture.data), record)
})
