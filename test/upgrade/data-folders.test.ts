import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { MIGRATION_SETS } from '../../src/app/database/database-schema.ts'
import { missingMigrations } from '../../src/database/migrate.ts'
import { runCommand, runOk } from '../support/machine/run-command.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { BERTH_BIN } from '../support/program/boot-berth.ts'
import { cleanEnvironment } from '../support/program/served-berth.ts'
import { type DataFolderContent, FIXTURES, type FixtureImage, USERS } from './data-folder.ts'
import { DOMAIN, startOn } from './fixture-server.ts'
import { sendTls, type TlsTarget } from './tls-requests.ts'

const NAMES = readdirSync(FIXTURES)
  .filter((file) => file.endsWith('.tar.gz'))
  .map((file) => file.slice(0, -'.tar.gz'.length))
  .sort()

async function unpack(name: string) {
  const folder = await makeTempFolder('fixture')
  await mkdir(folder.path, { recursive: true })
  await runOk('tar', ['-xzf', fileURLToPath(new URL(`${name}.tar.gz`, FIXTURES)), '-C', folder.path])
  const content: DataFolderContent = JSON.parse(await readFile(join(folder.path, 'content.json'), 'utf8'))
  return { ...folder, data: join(folder.path, 'data'), content }
}

/** Names of the migrations that a database records. */
function readRecord(data: string): string[] {
  using database = new DatabaseSync(join(data, 'berth.db'), { readOnly: true })
  const rows = database.prepare('select name from kysely_migration order by name').all()
  return rows.map((row) => String(row.name))
}

for (const name of NAMES) {
  test(`the data folder ${name} opens in this version: images, log-ins and certificates are there`, async () => {
    await using fixture = await unpack(name)
    const { data, content } = fixture
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
    assert.deepEqual(missingMigrations(MIGRATION_SETS, readRecord(data)), [])
    await assertCommandsKept(data, content)
  })
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
    assert.equal(`sha256:${createHash('sha256').update(body).digest('hex')}`, expected)
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
  const tags = await command('tag', 'list', 'alice/app', '--json')
  assert.equal(tags.includes('"gone"'), !done.includes('tag delete'), tags)
}

test('the newest data folder lacks no migration: a new one needs a new fixture, see their README', async () => {
  await using fixture = await unpack(NAMES.at(-1) ?? '')
  assert.deepEqual(missingMigrations(MIGRATION_SETS, readRecord(fixture.data)), [])
})
