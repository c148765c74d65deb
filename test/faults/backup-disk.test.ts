import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import { backUp } from '../../src/app/backup/open-backups.ts'
import { runOk } from '../support/machine/run-command.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { type CliResult, runCli } from '../support/program/run-cli.ts'
import { makeStoredBlobs } from '../support/program/stored-blobs.ts'
import { SmallDisk, whyNoMounts } from './small-disk.ts'

const MIB = 1024 ** 2
const skip = await whyNoMounts()

const OPTIONS = {
  keep: undefined,
  isFull: false,
  isNew: false,
  isForced: false,
  version: '1',
  configFile: undefined,
}

function largeBlobs(count: number): Buffer[] {
  return Array.from({ length: count }, () => randomBytes(MIB))
}

describe('backups and their disk', { skip, concurrency: false }, () => {
  test('a full disk of backups is named, earlier generations stay whole, and the next run goes on', async () => {
    await using disk = await SmallDisk.mount(12)
    await using temp = await makeTempFolder('backup-full')
    const { config, add } = await makeStoredBlobs(join(temp.path, 'data'))
    const folder = join(disk.path, 'backups')
    await add(largeBlobs(2))
    const first = await backUp({ ...OPTIONS, config, folder })
    await add(largeBlobs(12))
    await assert.rejects(
      backUp({ ...OPTIONS, config, folder }),
      (error: { code: string; message: string }) => {
        assert.equal(error.code, 'BACKUP_NO_ROOM')
        assert.match(error.message, /needs 12\.\d MiB in .* and 9\.\d MiB are free/)
        return true
      },
    )
    assert.deepEqual(readdirSync(join(folder, 'generations')), [first.generation], 'nothing was begun')
    await assert.rejects(
      backUp({ ...OPTIONS, config, folder, isForced: true }),
      (error: { code: string; message: string }) => {
        assert.equal(error.code, 'STORAGE_FULL')
        assert.ok(error.message.includes(folder), error.message)
        return true
      },
    )
    assert.equal((await runCli(['backup', 'verify', folder, '--quick'])).code, 0)
    await runOk('mount', ['-o', 'remount,size=40m', disk.path])
    const second = await backUp({ ...OPTIONS, config, folder })
    assert.equal(second.copied.blobs, 14)
    assert.ok(second.copied.newBlobs < 12, 'blobs of the failed run were copied again')
    assert.deepEqual(readdirSync(join(folder, 'generations')), [first.generation, second.generation])
  })

  test('a read-only disk takes no backup, and its backups can be verified and restored', async () => {
    await using disk = await SmallDisk.mount(12)
    await using temp = await makeTempFolder('backup-read-only')
    const { config, add } = await makeStoredBlobs(join(temp.path, 'data'))
    const folder = join(disk.path, 'backups')
    await add(largeBlobs(2))
    await backUp({ ...OPTIONS, config, folder })
    await disk.setReadOnly(true)
    await assert.rejects(backUp({ ...OPTIONS, config, folder }), { name: 'AppError' })
    assert.equal((await runCli(['backup', 'verify', folder, '--quick'])).code, 0)
    assert.equal((await runCli(['backup', 'list', folder])).code, 0)
    const restored = await runCli(['restore', folder, '--to', join(temp.path, 'restored')])
    assert.equal(restored.code, 0, restored.stderr)
  })

  test('a disk that is unmounted in the middle ends the backup, and no generation is named beside it', async () => {
    await using temp = await makeTempFolder('backup-gone')
    const { config, add } = await makeStoredBlobs(join(temp.path, 'data'))
    await using disk = await SmallDisk.mount(20)
    const folder = join(disk.path, 'backups')
    await add(Array.from({ length: 600 }, (_, n) => Buffer.from(`blob ${n}`)))
    await backUp({ ...OPTIONS, config, folder })
    await add(Array.from({ length: 600 }, (_, n) => Buffer.from(`other ${n}`)))
    let isGone = false
    const onProgress = (): void => {
      if (!isGone) execFileSync('umount', ['--lazy', disk.path])
      isGone = true
    }
    await assert.rejects(backUp({ ...OPTIONS, config, folder, onProgress }))
    assert.deepEqual(readdirSync(disk.path), [], 'something was written beside the disk')
    await assert.rejects(backUp({ ...OPTIONS, config, folder }), { code: 'BACKUP_FOLDER_UNUSABLE' })
    // For the end of `disk`.
    await runOk('mount', ['-t', 'tmpfs', 'tmpfs', disk.path])
  })

  test('a registry whose own disk is full can be backed up', async () => {
    await using disk = await SmallDisk.mount(20)
    await using temp = await makeTempFolder('backup-own-full')
    const { config, add } = await makeStoredBlobs(join(disk.path, 'data'))
    await add(largeBlobs(2))
    await disk.fillUp()
    const folder = join(temp.path, 'backups')
    const report = await backUp({ ...OPTIONS, config, folder })
    assert.deepEqual([report.copied.blobs, report.copied.bad], [2, 0])
    assert.equal((await runCli(['backup', 'verify', folder, '--quick'])).code, 0)
  })
})

test('of two backups into one folder at once the second is refused', async () => {
  await using temp = await makeTempFolder('backup-twice')
  const { config, add } = await makeStoredBlobs(join(temp.path, 'data'))
  const folder = join(temp.path, 'backups')
  await add(largeBlobs(3))
  await backUp({ ...OPTIONS, config, folder })
  await add(largeBlobs(3))
  const ends = await Promise.allSettled([1, 2].map(() => backUp({ ...OPTIONS, config, folder })))
  const refused = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason.code] : []))
  assert.deepEqual(refused, ['BACKUP_FOLDER_BUSY'])
  assert.equal((await runCli(['backup', 'verify', folder, '--quick'])).code, 0)
})

test('bytes that become unneeded while a backup copies them are in it, and go after it', async () => {
  await using temp = await makeTempFolder('backup-gc')
  const { config, add } = await makeStoredBlobs(join(temp.path, 'data'))
  const folder = join(temp.path, 'backups')
  const count = 520
  await add(Array.from({ length: count }, (_, n) => Buffer.from(`blob ${n}`)))
  const age = new DatabaseSync(join(config.dataDir, 'berth.db'))
  age.exec('update repository_blobs set created_at = 0, used_at = 0; update collection_queue set since = 0')
  age.close()
  const gc = ['gc', '--data', config.dataDir, '--json']
  let during: CliResult | undefined
  const report = await backUp({
    ...{ ...OPTIONS, config, folder },
    // The first page is copied, and the facts are: the rest of the blobs loses its repository now.
    onProgress: async () => {
      during ??= await runCli(gc)
    },
  })
  const { removed } = JSON.parse(during?.stdout ?? '{}')
  assert.equal(removed.link, count, 'nothing became unneeded')
  assert.deepEqual([report.copied.blobs, report.copied.bad], [count, 0])
  assert.equal(removed.blob, 0)
  const after = new DatabaseSync(join(config.dataDir, 'berth.db'))
  after.exec("update collection_queue set since = 0 where kind = 'blob'")
  after.close()
  assert.equal(JSON.parse((await runCli(gc)).stdout).removed.blob, count)
})
