import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'
import { makeDataFolder } from '../../../test/support/program/new-data.ts'
import { loadConfig } from '../../config/load/load-config.ts'
import { createBackupFacts } from '../../metadata/backup/create-backup-facts.ts'
import { createSqlMetadata } from '../../metadata/sql-metadata.ts'
import { hashContent } from '../../oci/digest.ts'
import { parseRepositoryName } from '../../oci/repository-name.ts'
import { openStore } from '../data/open-store.ts'
import { createBlobPlace } from '../folders/blob-place.ts'
import { findBackupTrouble } from './find-trouble.ts'
import { keepBackingUp } from './keep-backing-up.ts'

async function openNode() {
  await using resources = new AsyncDisposableStack()
  const temp = resources.use(await makeTempFolder('backing-up'))
  const flags = { data: join(temp.path, 'data'), 'backup-to': join(temp.path, 'backups') }
  const { config } = loadConfig({ flags, env: {}, cwd: temp.path })
  await makeDataFolder(config.dataDir)
  const store = resources.adopt(await openStore(config), (opened) => opened.close())
  const place = createBlobPlace(config)
  const blobs = resources.adopt(await place.open(), (opened) => opened.close())
  const digest = hashContent('layer')
  await blobs.put(digest, Buffer.from('layer'))
  await createSqlMetadata(store.database).linkBlob({
    repository: parseRepositoryName('a/b'),
    digest,
    size: 5,
  })
  const lines: Record<string, unknown>[] = []
  const logger = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) })
  const parts = {
    config,
    logger,
    place,
    blobs,
    database: store.database,
    isFrozen: false,
    version: '1',
    configFile: undefined,
  }
  const kept = resources.move()
  return {
    config,
    lines,
    facts: createBackupFacts(store.database),
    now: () => store.database.now(),
    generations: () => readdirSync(join(temp.path, 'backups', 'generations')),
    start: () => keepBackingUp({ ...parts, looks: { firstMs: 0, everyMs: 20 } }),
    async until(isTrue: () => boolean | Promise<boolean>) {
      while (!(await isTrue())) await sleep(10)
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

test('of two nodes one makes the backup that is due, and none makes another', {
  timeout: 120_000,
}, async () => {
  await using node = await openNode()
  await using _one = node.start()
  await using _two = node.start()
  const isComplete = async () => (await node.facts.listBackups(1))[0]?.outcome === 'complete'
  await node.until(isComplete)
  await sleep(200)
  assert.equal(node.generations().length, 1)
  assert.equal((await node.facts.listBackups(10)).length, 1)
  assert.deepEqual(
    node.lines.map(({ msg, blobs }) => [msg, blobs]),
    [['a backup is complete', 1]],
  )
  assert.equal(await findBackupTrouble(node.config, node.facts, node.now()), undefined)
  const later = node.now() + 37 * 3_600_000
  assert.equal((await findBackupTrouble(node.config, node.facts, later))?.kind, 'late')
})

test('a backup that fails is in the log once, and is known as failed', { timeout: 120_000 }, async () => {
  await using node = await openNode()
  const folder = node.config.backup.folder ?? assert.fail()
  await writeFile(folder, 'a file')
  await using _node = node.start()
  await node.until(() => node.lines.length > 0)
  await sleep(200)
  assert.deepEqual(
    node.lines.map(({ msg }) => msg),
    ['a backup failed'],
  )
  const trouble = await findBackupTrouble(node.config, node.facts, node.now())
  assert.equal(trouble?.kind, 'failed')
  assert.match(String(trouble?.problem), new RegExp(folder))
  await rm(folder)
})
