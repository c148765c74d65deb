import type { Config } from '../../config/config.ts'
import { Headroom } from '../../files/headroom.ts'
import { BackupError } from '../../upkeep/backup/backup-error.ts'
import { type FoundGeneration, listGenerations } from '../../upkeep/backup/backup-folder.ts'
import type { CopiedBlobs } from '../../upkeep/backup/copy-needed.ts'
import { requireFacts } from '../data/require-data.ts'
import { openDatabase } from '../database/open-database.ts'
import { findFormerSchema } from '../database/schema-state.ts'
import { createBlobPlace } from '../folders/blob-place.ts'
import { prepareFolder } from '../folders/data-folder.ts'
import { openBackupsToRead, type ReadBackupFolder, toFolderError } from './open-backup-folder.ts'
import { type BackupReport, runBackup } from './run-backup.ts'

/** A command works for somebody who waits. */
const UNPACED = { stepsPerSecond: 1e6, bytesPerSecond: Number.MAX_SAFE_INTEGER }

/** Options of a backup by a command. */
interface BackUpOptions {
  readonly config: Config
  readonly folder: string
  readonly keep: number | undefined
  readonly isFull: boolean
  readonly isNew: boolean
  /** Begins even if there is too little room for all of it. */
  readonly isForced: boolean
  readonly version: string
  readonly configFile: string | undefined
  readonly onProgress?: ((copied: CopiedBlobs) => void | Promise<void>) | undefined
}

/**
 * Makes a backup of the data of a configuration, whether or not the server runs, also of an earlier schema, which stays as it
 * is. Errors: as of `runBackup()`.
 */
export async function backUp(options: BackUpOptions): Promise<BackupReport> {
  const { config } = options
  await requireFacts(config, { takesNew: false })
  await using resources = new AsyncDisposableStack()
  const former = await findFormerSchema(config)
  if (config.database.engine === 'sqlite') await prepareFolder(config.dataDir)
  // A disk that is full to the last byte must not keep a backup from being made.
  const opened = await openDatabase(config, {
    ...{ former, headroom: new Headroom(config.dataDir), onFrozen: () => {} },
  })
  resources.defer(() => opened.database.close())
  const place = createBlobPlace(config)
  const blobs = resources.adopt(await place.openReader(), (opened) => opened.close())
  const report = await runBackup({
    ...options,
    former,
    database: opened.database,
    isFrozen: opened.isFrozen,
    blobs,
    place,
    pace: UNPACED,
  })
  if (report === undefined) throw new Error('A backup without a slot was not begun')
  return report
}

/** A generation to read, and its folder. */
interface OpenedGeneration extends AsyncDisposable {
  readonly folder: ReadBackupFolder
  readonly found: FoundGeneration
  /** A newer generation that lacks blobs, in place of which this one was chosen. */
  readonly newerIncomplete: string | undefined
}

/**
 * Opens a generation of a folder of backups: the one that is named, else the newest complete one, else the newest. Errors:
 * `BackupError`, `AppError`.
 */
export async function openGeneration(path: string, name: string | undefined): Promise<OpenedGeneration> {
  await using resources = new AsyncDisposableStack()
  const folder = resources.use(await openBackupsToRead(path))
  const all = await readGenerations(folder)
  const newest = all.at(-1)
  const found =
    name === undefined
      ? (all.findLast(({ generation }) => generation.bad === 0) ?? newest)
      : all.find(({ generation }) => generation.name === name)
  if (!found) {
    throw new BackupError(
      'BACKUP_UNKNOWN',
      name === undefined
        ? `${folder.path} holds no generation`
        : `${folder.path} holds no generation ${name}`,
      'Run "berth backup list DIR" to list those that exist',
    )
  }
  const isOlder = name === undefined && newest !== undefined && newest !== found
  const kept = resources.move()
  return {
    folder,
    found,
    newerIncomplete: isOlder ? newest.generation.name : undefined,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** The generations of a folder, and the folders of those whose contents are damaged. */
export async function listBackups(
  path: string,
): Promise<{ generations: FoundGeneration[]; damaged: string[] }> {
  await using folder = await openBackupsToRead(path)
  const damaged: string[] = []
  const generations = await readGenerations(folder, (one) => damaged.push(one))
  return { generations, damaged }
}

async function readGenerations(
  { path }: ReadBackupFolder,
  onDamaged?: (folder: string) => void,
): Promise<FoundGeneration[]> {
  try {
    return await listGenerations(path, onDamaged)
  } catch (error) {
    throw toFolderError(error, path)
  }
}
