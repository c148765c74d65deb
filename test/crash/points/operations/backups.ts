import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { checkGeneration } from '../../../../src/app/backup/check-backup.ts'
import { openGeneration } from '../../../../src/app/backup/open-backups.ts'
import { restoreBackup } from '../../../../src/app/backup/restore-backup.ts'
import { describeBad, runBackup } from '../../../../src/app/backup/run-backup.ts'
import { requireFacts } from '../../../../src/app/data/require-data.ts'
import { AppError } from '../../../../src/app/faults/app-error.ts'
import type { BlobReader } from '../../../../src/blobs/blob-store.ts'
import { createDiskPlace } from '../../../../src/blobs/disk/disk-place.ts'
import { uploadFolder } from '../../../../src/blobs/disk/layout.ts'
import { CopyError } from '../../../../src/database/copy/copy-error.ts'
import { DatabaseError } from '../../../../src/database/database.ts'
import { OciError } from '../../../../src/oci/errors.ts'
import { BackupError } from '../../../../src/upkeep/backup/backup-error.ts'
import { type FoundGeneration, listGenerations } from '../../../../src/upkeep/backup/backup-folder.ts'
import { readBlobList } from '../../../../src/upkeep/backup/blob-list.ts'
import { formatManifest } from '../../../support/memory/registry-room.ts'
import { checkSite } from '../check-site.ts'
import { openSite, placeIn, readConfig, type Site, type SitePlace, UNPACED } from '../site.ts'
import { APP, CONFIG, type PointRoom, pushBlob, pushImage, pushManifest, WEB } from './content.ts'
import type { Ledger } from './ledger.ts'
import type { Operation } from './operation.ts'

/** A certificate of the data folder, and a link to it. */
const CERTIFICATES = {
  folder: 'certificates/registry.test',
  file: 'cert.pem',
  link: 'latest.pem',
  text: 'a certificate\n',
}

/** More than is copied through memory at once. */
const LARGE_BYTES = 300_000

/** Backups and restores. What they leave is compared by restoring it. */
export const BACKUPS: readonly Operation[] = [
  {
    name: 'back up for the first time',
    isUpkeep: true,
    isInterleaved: true,
    isSlow: true,
    run: ({ site }) => backUp(site, undefined),
    isClearError,
    checkAlways: checkGenerations,
    checkSuccess: checkBackup,
  },
  {
    name: 'back up again, and remove the old backup',
    isUpkeep: true,
    isInterleaved: true,
    isSlow: true,
    base: 'backed-up',
    run: ({ site }) => backUp(site, 1),
    isClearError,
    checkAlways: checkGenerations,
    async checkSuccess(room) {
      await checkBackup(room)
      assert.equal((await listGenerations(backupsOf(room.site))).length, 1)
    },
  },
  {
    name: 'restore a backup into an empty folder',
    isUpkeep: true,
    isInterleaved: true,
    isSlow: true,
    base: 'backed-up',
    async run({ site, ledger }) {
      const place = restoredPlace(site, 'restored')
      try {
        await restoreNewest(site, place)
      } catch (error) {
        // An earlier run has ended its work, though not its answer.
        const isDone = error instanceof BackupError && error.code === 'RESTORE_TARGET_NOT_EMPTY'
        if (!isDone || !ledger.isRepeated || !(await isServable(place))) throw error
      }
    },
    isClearError,
    async checkAlways({ site, ledger }) {
      const place = restoredPlace(site, 'restored')
      if (existsSync(place.dataDir) && (await isServable(place)))
        await checkRestored(place, room(site, ledger.backedUp))
      await checkGenerations({ site, ledger })
    },
    async checkSuccess({ site, ledger }) {
      const place = restoredPlace(site, 'restored')
      await checkRestored(place, room(site, ledger.backedUp))
      const names = await readdir(place.dataDir, { recursive: true })
      assert.deepEqual(
        names.filter((name) => /restor|\.new$/.test(name)),
        [],
        'files of the restore are left',
      )
    },
  },
]

/** Makes the first backup of a base, and changes it after that: the next one removes a blob, and copies another. */
export async function backUpAndChange(base: PointRoom): Promise<void> {
  const { site, ledger } = base
  const certificates = join(site.place.dataDir, CERTIFICATES.folder)
  await mkdir(certificates, { recursive: true })
  await writeFile(join(certificates, CERTIFICATES.file), CERTIFICATES.text)
  await symlink(CERTIFICATES.file, join(certificates, CERTIFICATES.link))
  await pushLarge(base, 'large')
  await backUp(site, undefined)
  ledger.backedUp = ledger.copy()
  await pushImage(base, APP, { layers: ['after'], tags: ['after'] })
  await pushImage(base, WEB, { layers: ['after'], tags: ['v1'] })
  await pushLarge(base, 'larger')
}

/** Pushes an image with a layer that is copied in pieces. */
async function pushLarge(base: PointRoom, name: string): Promise<void> {
  const text = `${name} `.repeat(LARGE_BYTES / name.length)
  for (const blob of [CONFIG, text]) await pushBlob(base, APP, blob)
  await pushManifest(base, APP, { bytes: formatManifest({ layers: [text] }), tags: ['large'] })
}

function room(site: Site, ledger: Ledger | undefined): PointRoom {
  assert.ok(ledger, 'the base has no backup')
  return { site, ledger }
}

function backupsOf({ place }: Site): string {
  return join(dirname(place.blobsFolder), 'backups')
}

async function backUp(site: Site, keep: number | undefined): Promise<void> {
  const { database, store: blobs, place } = site
  const report = await runBackup({
    ...{ config: await readConfig(place), database: database as never, blobs, keep },
    ...{ place: createDiskPlace(place.blobsFolder), folder: backupsOf(site), pace: UNPACED },
    ...{ isFrozen: false, isFull: false, isNew: false, isForced: false },
    ...{ version: '1', configFile: undefined },
  })
  assert.ok(report)
  const { bad, firstBad } = report.copied
  if (bad > 0) throw new BackupError('BACKUP_INTERRUPTED', describeBad(bad, firstBad), 'Run it again')
}

/** A folder that is data folder and folder of the blobs alike. */
function restoredPlace({ place }: Site, name: string): SitePlace {
  const folder = join(dirname(place.blobsFolder), name)
  return { ...place, blobsFolder: folder, dataDir: folder }
}

async function restoreNewest(site: Site, place: SitePlace): Promise<void> {
  await using opened = await openGeneration(backupsOf(site), undefined)
  const report = await restoreBackup({
    ...{ backupId: opened.folder.id, found: opened.found, from: opened.folder.blobs },
    ...{ config: await readConfig(place), keepsFiles: false, keepsLogIns: false },
  })
  assert.deepEqual([report.blobs.firstBad, report.badFiles], [[], []])
}

/** An error that says to the operator what to do. */
function isClearError(error: unknown): boolean {
  return [BackupError, AppError, CopyError, DatabaseError, OciError].some((type) => error instanceof type)
}

/** True if a server or a command would open the data; a restore that has not ended is refused with its reason. */
async function isServable(place: SitePlace): Promise<boolean> {
  try {
    await requireFacts(await readConfig(place), { takesNew: false })
    return true
  } catch (error) {
    assert.ok(
      error instanceof AppError && ['DATABASE_LOST', 'DATA_NOT_FOUND'].includes(error.code),
      String(error),
    )
    return false
  }
}

/** Each generation that has a name is whole, and there is one once a backup was acknowledged. */
async function checkGenerations({ site, ledger }: PointRoom): Promise<void> {
  const blobs = await createDiskPlace(backupsOf(site)).openReader()
  try {
    const damaged: string[] = []
    const found = await listGenerations(backupsOf(site), (one) => damaged.push(one))
    assert.deepEqual(damaged, [])
    const complete = found.filter(({ generation }) => generation.bad === 0)
    if (ledger.backedUp) assert.ok(complete.length > 0, 'no complete generation is left')
    for (const one of found) {
      const report = await checkGeneration(one, blobs)
      assert.deepEqual(report.badFiles, [], one.generation.name)
      // A later backup may have copied what one could not read.
      assert.ok(report.blobs.bad <= one.generation.bad, one.generation.name)
    }
  } finally {
    await blobs.close()
  }
}

/** The newest generation has what was acknowledged, and the folder nothing that no generation names. */
async function checkBackup({ site, ledger }: PointRoom): Promise<void> {
  const folder = backupsOf(site)
  const found = await listGenerations(folder)
  const newest = found.at(-1)?.folder ?? assert.fail('there is no generation')
  // A cut of the power may bring back the folder of a removed one, which the next backup removes.
  const isCut = !ledger.isRepeated
  const folders = (await readdir(dirname(newest))).filter((name) => !(isCut && name.endsWith('.removing')))
  assert.equal(folders.length, found.length, 'unfinished generations are left')
  assert.deepEqual(await readdir(join(folder, 'berth-uploads')), [])
  assert.deepEqual(await listBlobs(folder), await listNamed(found))
  const left = (await readdir(site.place.dataDir)).filter((name) => name.startsWith('backup-'))
  assert.deepEqual(left, [], 'copies of the facts are left')
  const place = restoredPlace(site, 'trial')
  await restoreNewest(site, place)
  await checkRestored(place, { site, ledger })
  await place.databases.drop(place.dataDir)
  await rm(place.dataDir, { recursive: true })
}

async function listNamed(generations: readonly FoundGeneration[]): Promise<string[]> {
  const named = new Set<string>()
  for (const one of generations) for await (const { digest } of readBlobList(one)) named.add(digest)
  return [...named].sort()
}

async function listBlobs(folder: string): Promise<string[]> {
  const store: BlobReader & { close(): Promise<void> } = await createDiskPlace(folder).openReader()
  const { blobs } = await store.list({ limit: 1_000 })
  await store.close()
  return blobs.map(({ digest }) => digest)
}

/** A restored registry serves what the ledger holds, bit by bit, and has its certificates. */
async function checkRestored(place: SitePlace, { site, ledger }: PointRoom): Promise<void> {
  const restored = await openSite(place, site.clock)
  try {
    await checkSite(restored, ledger.copy())
    await restored.expireUploads()
    assert.deepEqual(await readdir(uploadFolder(place.blobsFolder)), [])
    assert.equal((await restored.database.read.selectFrom('uploads').selectAll().execute()).length, 0)
  } finally {
    await restored.close()
  }
  const source = join(placeIn(dirname(site.place.blobsFolder), place.databases).dataDir, CERTIFICATES.folder)
  if (!existsSync(source)) return
  for (const name of [CERTIFICATES.file, CERTIFICATES.link])
    assert.equal(await readFile(join(place.dataDir, CERTIFICATES.folder, name), 'utf8'), CERTIFICATES.text)
}
