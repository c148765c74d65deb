import { statfs } from 'node:fs/promises'
import { certificateFolders, searchedFolders } from '../../certificates/folder/certificate-folders.ts'
import { CertificateStore } from '../../certificates/folder/certificate-store.ts'
import type { Config } from '../../config/config.ts'
import { DatabaseError } from '../../database/database.ts'
import { createBackupFacts } from '../../metadata/backup/create-backup-facts.ts'
import { createRoundFacts } from '../../metadata/collection/create-round-facts.ts'
import { openStore } from '../data/open-store.ts'
import { requireFacts } from '../data/require-data.ts'
import { isUpToDate } from '../database/schema-state.ts'
import { readSiteReport } from '../door/site-report.ts'
import { AppError } from '../faults/app-error.ts'
import { createBlobPlace } from '../folders/blob-place.ts'
import { nginxFolder } from '../folders/nginx-folders.ts'
import { readServerRecord } from '../folders/server-record.ts'

/** Hosts and certificates that are read for one screen; `berth site list` and `berth cert list` have all. */
const MAX_LISTED = 100
const DAY_MS = 86_400_000

/** Facts from the data folder and the database of a Berth, whether or not it runs. */
export interface DataStatus {
  /** ISO 8601; undefined: no server has run here. */
  readonly lastStartedAt: string | undefined
  readonly sites: readonly {
    readonly host: string
    readonly state: string
    readonly cause: string | undefined
  }[]
  readonly certificates: readonly { readonly name: string; readonly daysLeft: number | undefined }[]
  readonly disks: readonly { readonly folder: string; readonly freeBytes: number; readonly bytes: number }[]
  /** Why the database cannot be read, so that the last backup and collection are unknown. */
  readonly databaseProblem: string | undefined
  readonly lastBackup: { readonly startedAt: string; readonly outcome: string } | undefined
  readonly lastCollection: { readonly startedAt: string; readonly freedBytes: number } | undefined
}

/**
 * Reads what the data folder and the database hold; an older schema stays as it is, and what is in it is then unknown. `isRunning`: a server has this data folder, so that a
 * database which fails is a fact to show. Errors, unless it runs: `AppError` (`DATA_NOT_FOUND`), `DatabaseError`.
 */
export async function readDataStatus(
  config: Config,
  { isRunning }: { isRunning: boolean },
): Promise<DataStatus> {
  const facts = await readDatabase(config).catch((error: unknown) => {
    if (!isRunning || !isDatabaseFault(error)) throw error
    return { databaseProblem: error.message, lastBackup: undefined, lastCollection: undefined }
  })
  const { report } = await readSiteReport(config.dataDir)
  return {
    lastStartedAt: readServerRecord(config.dataDir)?.record.startedAt,
    sites: (report?.sites ?? [])
      .slice(0, MAX_LISTED)
      .map(({ host, state, cause }) => ({ host, state, cause })),
    certificates: await readCertificates(config),
    disks: await readDisks(config),
    ...facts,
  }
}

function isDatabaseFault(error: unknown): error is Error {
  return error instanceof AppError || error instanceof DatabaseError
}

async function readDatabase(
  config: Config,
): Promise<Pick<DataStatus, 'databaseProblem' | 'lastBackup' | 'lastCollection'>> {
  await requireFacts(config, { takesNew: false })
  if (!(await isUpToDate(config))) {
    const databaseProblem =
      'its schema is that of an earlier version, which the next start of this one updates'
    return { databaseProblem, lastBackup: undefined, lastCollection: undefined }
  }
  const store = await openStore(config)
  try {
    const [backup] = await createBackupFacts(store.database).listBackups(1)
    const round = await createRoundFacts(store.database).read()
    return {
      databaseProblem: undefined,
      lastBackup: backup && {
        startedAt: backup.startedAt.toISOString(),
        outcome: backup.outcome ?? 'under way',
      },
      lastCollection: round && { startedAt: round.startedAt.toISOString(), freedBytes: round.freedBytes },
    }
  } finally {
    await store.close()
  }
}

/** The certificates of a Berth, by name. */
export async function readCertificates({ dataDir, frontDoor }: Config): Promise<DataStatus['certificates']> {
  const folders = certificateFolders(dataDir, frontDoor?.certsDir ?? nginxFolder('certs'))
  using store = await CertificateStore.open(searchedFolders(folders))
  return store
    .list()
    .slice(0, MAX_LISTED)
    .map(({ name, pair }) => ({
      name,
      daysLeft: pair && Math.floor((pair.notAfter - Date.now()) / DAY_MS),
    }))
}

async function readDisks(config: Config): Promise<DataStatus['disks']> {
  const folders = new Set([config.dataDir, ...createBlobPlace(config).folders])
  const disks = await Promise.all(
    [...folders].map(async (folder) => {
      const stats = await statfs(folder).catch(() => undefined)
      return stats && { folder, freeBytes: stats.bavail * stats.bsize, bytes: stats.blocks * stats.bsize }
    }),
  )
  return disks.filter((disk) => disk !== undefined)
}
