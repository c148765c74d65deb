import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { checkGeneration } from '../../src/app/backup/check-backup.ts'
import { createDiskPlace } from '../../src/blobs/disk/disk-place.ts'
import { listGenerations } from '../../src/upkeep/backup/backup-folder.ts'
import { readBlobList } from '../../src/upkeep/backup/blob-list.ts'
import { SeededRandom } from '../support/content/seeded-random.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { runCli } from '../support/program/run-cli.ts'
import { cleanEnvironment } from '../support/program/served-berth.ts'
import { makeStoredBlobs } from '../support/program/stored-blobs.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const SEED = process.env.CRASH_SEED ?? 'backup'
/** Kills of each of the two commands. */
const KILLS = Number(process.env.CRASH_KILLS ?? 12)
/** Blobs stored before each run, and the bytes of the largest. */
const BLOBS = 60
const MAX_BYTES = 1_500_000
/** Generations that each run keeps. */
const KEEP = 2

/** A data folder to which each run adds blobs of many sizes. */
async function openData(path: string) {
  const dataDir = join(path, 'data')
  const { add } = await makeStoredBlobs(dataDir)
  const random = new SeededRandom(SEED)
  return {
    dataDir,
    random,
    addBlobs: () =>
      add(
        Array.from({ length: BLOBS }, () =>
          Buffer.alloc(1 + Math.floor(random.next() ** 4 * MAX_BYTES), `${random.next()}`),
        ),
      ),
  }
}

/** Runs a command and kills it after so many milliseconds, unless it ends before. @returns how long it took, if it has ended. */
async function runAndKill(args: readonly string[], afterMs: number): Promise<number | undefined> {
  const startedAt = performance.now()
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: cleanEnvironment(),
  })
  let text = ''
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    text += piece
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), afterMs)
  const [code, signal] = await once(child, 'exit')
  clearTimeout(timer)
  assert.ok(signal === 'SIGKILL' || code === 0, text)
  return code === 0 ? performance.now() - startedAt : undefined
}

/** Each generation that has a name is whole. @returns their number. */
async function assertWhole(folder: string): Promise<number> {
  const blobs = await createDiskPlace(folder).openReader()
  const damaged: string[] = []
  const found = await listGenerations(folder, (one) => damaged.push(one))
  assert.deepEqual(damaged, [])
  for (const one of found) {
    const report = await checkGeneration(one, blobs)
    assert.deepEqual([report.blobs.bad, report.badFiles], [0, []], one.folder)
  }
  await blobs.close()
  return found.length
}

test('`berth backup` and `berth restore`, killed again and again, leave nothing half, and end whole', async (context) => {
  await using temp = await makeTempFolder('backup-crash')
  const data = await openData(temp.path)
  const folder = join(temp.path, 'backups')
  const backup = ['backup', folder, '--data', data.dataDir, '--keep', String(KEEP)]
  await data.addBlobs()
  const usualMs = (await runAndKill(backup, 120_000)) ?? assert.fail('it was not killed')
  let kills = 0
  for (let run = 0; run < KILLS; run++) {
    await data.addBlobs()
    if ((await runAndKill(backup, data.random.next() * usualMs * 1.2)) === undefined) kills++
    assert.ok((await assertWhole(folder)) >= 1, 'a complete generation is always there')
  }
  assert.notEqual(await runAndKill(backup, 120_000), undefined)
  assert.equal(await assertWhole(folder), KEEP)
  assert.deepEqual(readdirSync(join(folder, 'berth-uploads')), [])
  const generations = await listGenerations(folder)
  assert.equal(readdirSync(join(folder, 'generations')).length, KEEP)
  const named = new Set<string>()
  for (const one of generations) for await (const { digest } of readBlobList(one)) named.add(digest)
  const store = await createDiskPlace(folder).openReader()
  const stored: string[] = []
  for (let page = await store.list({ limit: 500 }); ; ) {
    stored.push(...page.blobs.map(({ digest }) => digest))
    if (page.next === undefined) break
    page = await store.list({ after: page.next, limit: 500 })
  }
  assert.deepEqual(stored, [...named].sort(), 'exactly the blobs that generations name are stored')

  const restore = ['restore', folder, '--to', join(temp.path, 'restored')]
  const target = join(temp.path, 'restored')
  const usualRestoreMs =
    (await runAndKill(['restore', folder, '--to', join(temp.path, 'first')], 120_000)) ?? assert.fail()
  let restoreKills = 0
  let isDone = false
  while (!isDone && restoreKills < KILLS) {
    isDone = (await runAndKill(restore, data.random.next() * usualRestoreMs)) !== undefined
    if (isDone) break
    restoreKills++
    if (existsSync(join(target, 'berth.db'))) continue
    const { code, stderr } = await runCli(['user', 'list', '--data', target])
    assert.equal(code, 1)
    assert.match(stderr, /DATABASE_LOST|DATA_NOT_FOUND/)
  }
  if (!isDone) assert.notEqual(await runAndKill(restore, 120_000), undefined)
  context.diagnostic(`killed ${kills} backups and ${restoreKills} restores`)
  assert.deepEqual(
    readdirSync(target).filter((name) => /^restore[.-]/.test(name)),
    [],
  )
  const last = generations.at(-1) ?? assert.fail()
  const restored = await createDiskPlace(target).openReader()
  assert.equal((await checkGeneration(last, restored)).blobs.bad, 0)
  assert.equal((await runCli(['repo', 'list', '--data', target])).code, 0)
})
