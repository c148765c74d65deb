import assert from 'node:assert/strict'
import { chmod, cp, mkdir, readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { blobFile } from '../support/content/blob-file.ts'
import { runCli } from '../support/program/run-cli.ts'
import { pushBlob } from '../support/requests/push-content.ts'
import { done, noPostgres, open, postgresServer, readErrorCode, serve } from './backup-room.ts'

test('facts of SQLite are restored into PostgreSQL, and those of PostgreSQL into SQLite', {
  skip: noPostgres,
}, async () => {
  await using t = await open('sqlite')
  await t.server.push('v1', 'layer')
  await pushBlob(t.server.http, 'admin/other', Buffer.from('layer'))
  done(await t.backUp())
  await using database = await postgresServer().createDatabase()
  const target = join(t.path, 'restored')
  const restore = ['restore', t.backups, '--to', target]
  const env = { BERTH_DATABASE: database.url }
  done(await runCli(restore, { env }))
  assert.equal(readErrorCode(await runCli(restore, { env })), 'RESTORE_TARGET_NOT_EMPTY')
  const readSizes = async (place: { readonly dataDir: string; readonly env?: typeof env }) => {
    const listed = await runCli(['repo', 'list', '--json', '--data', place.dataDir], { env: place.env ?? {} })
    const { repositories }: { repositories: Record<string, unknown>[] } = JSON.parse(done(listed))
    return repositories.map(({ name, sizeBytes, uniqueBytes }) => ({ name, sizeBytes, uniqueBytes }))
  }
  const sizes = await readSizes({ dataDir: t.dataDir })
  assert.deepEqual(sizes[1], { name: 'admin/other', sizeBytes: 5, uniqueBytes: 0 })
  assert.deepEqual(await readSizes({ dataDir: target, env }), sizes)
  await markUnfinished(target, t.backups)
  assert.equal(readErrorCode(await runCli(['repo', 'list', '--data', target], { env })), 'DATABASE_LOST')
  done(await runCli(restore, { env }))
  assert.deepEqual(await readSizes({ dataDir: target, env }), sizes)
  await using server = await serve(t.path, { dataDir: target, databaseUrl: database.url })
  assert.equal(await server.isWhole('v1'), true)
  await server.push('v2', 'more')
  const backups = join(t.path, 'more')
  // A killed backup leaves its copy of the facts.
  await mkdir(join(target, 'backup-left'))
  done(await runCli(['backup', backups, '--data', target], { env }))
  assert.deepEqual(
    (await readdir(target)).filter((name) => name.startsWith('backup-')),
    [],
  )
  const back = join(t.path, 'back')
  done(await runCli(['restore', backups, '--to', back]))
  await using again = await serve(t.path, { dataDir: back })
  assert.deepEqual([await again.isWhole('v1'), await again.isWhole('v2')], [true, true])
})

/** Marks a folder as a restore does until it has ended. */
async function markUnfinished(target: string, backups: string): Promise<void> {
  const { id: backup } = JSON.parse(await readFile(join(backups, 'berth-backup.json'), 'utf8')) as {
    id: string
  }
  const [generation] = await readdir(join(backups, 'generations'))
  await writeFile(join(target, 'restore.json'), JSON.stringify({ backup, generation }))
}

test('a restore ends log-ins, and lets collection wait for a day', async () => {
  await using t = await open('sqlite')
  await t.server.push('v1', 'layer')
  const token = await t.server.http.send('GET', '/token?service=x&offline_token=true&client_id=c')
  assert.ok(JSON.parse(String(token.body)).refresh_token)
  done(await t.backUp())
  for (const [name, flags, kept] of [
    ['ended', [], 0],
    ['kept', ['--keep-log-ins'], 1],
  ] as const) {
    const target = join(t.path, name)
    done(await runCli(['restore', t.backups, '--to', target, ...flags]))
    const db = new DatabaseSync(join(target, 'berth.db'))
    const count = (table: string) => Number(db.prepare(`select count(*) as n from ${table}`).get()?.n)
    assert.deepEqual([count('refresh_tokens'), count('token_keys')], [kept, kept])
    const held = db.prepare('select held_until from collection_rounds').get()
    assert.ok(Number(held?.held_until) > Date.now() + 23 * 3_600_000)
    db.close()
  }
})

test('a restore refuses what is there, and keeps the blobs that are there where only the database is lost', async () => {
  await using t = await open('sqlite')
  const { layers } = await t.server.push('v1', 'layer')
  done(await t.backUp())
  const restore = ['restore', t.backups, '--data', t.dataDir]
  assert.equal(readErrorCode(await runCli(restore)), 'DATA_IN_USE')
  await t.server[Symbol.asyncDispose]()
  const refused = await runCli(restore)
  assert.equal(readErrorCode(refused), 'RESTORE_TARGET_NOT_EMPTY')
  assert.match(refused.stderr, /holds a database/)
  for (const name of ['berth.db', 'berth.db-wal', 'berth.db-shm'])
    await rename(join(t.dataDir, name), join(t.path, `lost-${name}`)).catch(() => {})
  const beside = await runCli(restore)
  assert.match(beside.stderr, /--keep-files/)
  const file = blobFile(t.dataDir, layers[1] ?? '')
  const { ino } = await stat(file)
  done(await runCli([...restore, '--keep-files']))
  assert.equal((await stat(file)).ino, ino)
  await using server = await serve(t.path, { dataDir: t.dataDir })
  assert.equal(await server.isWhole('v1'), true)
})

test('a folder that is none of backups, is inside the data folder, or has lost its disk is refused', async () => {
  await using t = await open('sqlite')
  const backUp = (folder: string, ...flags: string[]) =>
    t.berth(['backup', folder, '--data', t.dataDir, ...flags])
  assert.equal(readErrorCode(await backUp(join(t.dataDir, 'backups'))), 'BACKUP_FOLDER_UNUSABLE')
  assert.equal(readErrorCode(await backUp(t.path)), 'BACKUP_FOLDER_UNUSABLE')
  await symlink(t.dataDir, join(t.path, 'link'))
  assert.equal(readErrorCode(await backUp(join(t.path, 'link', 'backups'))), 'BACKUP_FOLDER_UNUSABLE')
  const other = join(t.path, 'other')
  await mkdir(other)
  await writeFile(join(other, 'file'), 'x')
  assert.match((await backUp(other)).stderr, /holds "file"/)
  done(await t.backUp())
  await rename(t.backups, `${t.backups}.away`)
  await mkdir(t.backups)
  const lost = await t.backUp()
  assert.equal(readErrorCode(lost), 'BACKUP_FOLDER_UNUSABLE')
  assert.match(lost.stderr, /held backups before/)
  done(await t.backUp('--new'))
  assert.equal(
    readErrorCode(await runCli(['restore', other, '--to', join(t.path, 'r')])),
    'BACKUP_FOLDER_UNUSABLE',
  )
  const unknown = ['restore', t.backups, '--generation', '20000101T000000Z', '--to', join(t.path, 'r')]
  assert.equal(readErrorCode(await runCli(unknown)), 'BACKUP_UNKNOWN')
})

test('backups can be read from a read-only folder', {
  skip: process.getuid?.() === 0 && 'root writes anywhere',
}, async () => {
  await using t = await open('sqlite')
  await t.server.push('v1', 'layer')
  done(await t.backUp())
  await chmod(t.backups, 0o500)
  done(await runCli(['backup', 'verify', t.backups, '--quick']))
  done(await runCli(['restore', t.backups, '--to', join(t.path, 'restored')]))
  assert.equal(readErrorCode(await t.backUp()), 'DATA_NOT_WRITABLE')
  await chmod(t.backups, 0o700)
})

test('a backup that was copied elsewhere is restored from there', async () => {
  await using t = await open('sqlite')
  await t.server.push('v1', 'layer')
  done(await t.backUp())
  const copy = join(t.path, 'copy')
  await cp(t.backups, copy, { recursive: true, verbatimSymlinks: true })
  done(await runCli(['restore', copy, '--to', join(t.path, 'restored')]))
})
