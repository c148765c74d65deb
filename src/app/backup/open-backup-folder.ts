import { existsSync, realpathSync, statSync } from 'node:fs'
import { access, constants } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import type { BlobReader, BlobStore } from '../../blobs/blob-store.ts'
import { createDiskPlace } from '../../blobs/disk/disk-place.ts'
import type { Config } from '../../config/config.ts'
import { BackupError } from '../../upkeep/backup/backup-error.ts'
import { makeBackupFolder, readBackupMark } from '../../upkeep/backup/backup-folder.ts'
import { AppError } from '../faults/app-error.ts'
import { toAppError } from '../faults/system-fault.ts'
import { shareFileLock, takeFileLock } from '../folders/data-folder.ts'

/** Longest wait for another backup, in milliseconds. */
const LOCK_TIMEOUT_MS = 500
/** Most uploads that a crash has left and that are removed at once: each is a copy that was under way. */
const MAX_STALE = 1_000

/** A folder of backups that this process alone writes to. */
export interface WrittenBackupFolder extends AsyncDisposable {
  /** Without links. */
  readonly path: string
  readonly id: string
  readonly store: BlobStore
  /** Runs a task, unless other processes read the folder; false: they do. */
  whileUnread(task: () => Promise<void>): Promise<boolean>
}

/** A folder of backups to read from. */
export interface ReadBackupFolder extends AsyncDisposable {
  readonly path: string
  readonly id: string
  readonly blobs: BlobReader
}

/** The folders of a server, which backups stay out of. */
type OwnFolders = Pick<Config, 'dataDir' | 'registryRoot'>

/**
 * Opens a folder for a backup, and makes it, unless `isExpected`: then it held backups before, and an empty one is a
 * disk that is not mounted. Errors: `BackupError`, `AppError`.
 */
export async function openBackupFolder(
  folder: string,
  { config, isExpected }: { config: OwnFolders; isExpected: boolean },
): Promise<WrittenBackupFolder> {
  const path = realPath(folder)
  refuseOwnFolders(path, config)
  try {
    await using resources = new AsyncDisposableStack()
    const id = (await readBackupMark(path)) ?? (await makeUnlessExpected(path, isExpected))
    const lock = takeFileLock(join(path, 'backup.lock'), LOCK_TIMEOUT_MS)
    if (!lock) {
      throw new BackupError(
        'BACKUP_FOLDER_BUSY',
        `Another backup into ${path} is under way`,
        'Wait until it has ended ("berth backup list" shows it)',
      )
    }
    resources.use(lock)
    const store = resources.adopt(await createDiskPlace(path).open(), (opened) => opened.close())
    // Copies that an ended run has left: no one else copies.
    for (const upload of await store.listStale(new Date(Date.now() + 60_000), MAX_STALE))
      await store.discard(upload)
    const kept = resources.move()
    return {
      path,
      id,
      store,
      whileUnread: (task) => whileUnread(path, task),
      [Symbol.asyncDispose]: () => kept.disposeAsync(),
    }
  } catch (error) {
    throw toFolderError(error, path)
  }
}

/** Opens a folder to read from; it may be read-only. Errors: `BackupError`, `AppError`. */
export async function openBackupsToRead(folder: string): Promise<ReadBackupFolder> {
  const path = realPath(folder)
  try {
    const id = await readBackupMark(path)
    if (id === undefined) {
      throw new BackupError(
        'BACKUP_FOLDER_UNUSABLE',
        `${path} holds no backups of Berth`,
        'Name the folder that "berth backup" has written to; see that its disk is mounted',
      )
    }
    const lock = (await isWritable(path)) ? shareFileLock(join(path, 'readers.lock')) : undefined
    const blobs = await createDiskPlace(path).openReader()
    return {
      path,
      id,
      blobs,
      async [Symbol.asyncDispose]() {
        lock?.[Symbol.dispose]()
        await blobs.close()
      },
    }
  } catch (error) {
    throw toFolderError(error, path)
  }
}

/** The error of a folder of backups as a command reports it: a full disk is named as that of the backups. */
export function toFolderError(error: unknown, path: string): unknown {
  if (error instanceof BackupError || error instanceof AppError) return error
  const isFull = hasCode(error, 'STORAGE_FULL') || hasCode(error, 'ENOSPC') || hasCode(error, 'EDQUOT')
  if (!isFull) return toAppError(error, 'file', path)
  return new AppError(
    'STORAGE_FULL',
    `The disk of the backups in ${path} is full. The generations that were there are whole`,
    'Free space there, or keep fewer generations (backup-keep), then run it again: it goes on with what is copied',
    error,
  )
}

function hasCode(error: unknown, code: string): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if ('code' in cause && cause.code === code) return true
  return false
}

async function makeUnlessExpected(path: string, isExpected: boolean): Promise<string> {
  if (!isExpected) return makeBackupFolder(path)
  throw new BackupError(
    'BACKUP_FOLDER_UNUSABLE',
    `${path} held backups before, and now holds none`,
    'See that its disk is mounted; or begin anew there with "berth backup DIR --new"',
  )
}

async function whileUnread(path: string, task: () => Promise<void>): Promise<boolean> {
  const file = join(path, 'readers.lock')
  const lock = takeFileLock(file, 0)
  if (!lock) return false
  try {
    await task()
    return true
  } finally {
    lock[Symbol.dispose]()
  }
}

/** A backup inside what it backs up goes with it, and what is inside a backup would count as a part of it. */
function refuseOwnFolders(path: string, { dataDir, registryRoot }: OwnFolders): void {
  for (const own of [dataDir, registryRoot].map(realPath)) {
    if (!isWithin(path, own) && !isWithin(own, path)) continue
    throw new BackupError(
      'BACKUP_FOLDER_UNUSABLE',
      `The folder of backups ${path} and the folder ${own} of the registry are inside one another`,
      'Name a folder outside it, on another disk',
    )
  }
}

function isWithin(path: string, folder: string): boolean {
  const way = relative(folder, path)
  return way === '' || !(way === '..' || way.startsWith('../'))
}

/** Of a path that does not exist yet: its existing part without links. */
function realPath(path: string): string {
  if (existsSync(path)) return realpathSync(path)
  const parent = dirname(path)
  return parent === path ? path : resolve(realPath(parent), basename(path))
}

async function isWritable(path: string): Promise<boolean> {
  return access(path, constants.W_OK).then(
    () => statSync(path).isDirectory(),
    () => false,
  )
}
