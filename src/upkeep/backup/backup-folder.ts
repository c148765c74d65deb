import { randomUUID } from 'node:crypto'
import { readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder, PRIVATE_FOLDER, syncFolder } from '../../files/durable.ts'
import { BackupError } from './backup-error.ts'
import { BACKUP_FORMAT, type Generation, isGenerationName, parseGeneration } from './generation.ts'
import { syncTree, writeStoredFile } from './stored-files.ts'

/**
 * <folder>/
 *   berth-backup.json                     marks the folder: form and id
 *   backup.lock                           locked by a backup under way
 *   docker/registry/v2/blobs/…            the blobs of all generations, each once, in Distribution's layout
 *   berth-uploads/                        blobs while they are copied
 *   generations/<name>/generation.json    contents, with checksums
 *   generations/<name>/facts.db           the facts, an SQLite database
 *   generations/<name>/blobs.txt          the blobs that these facts need
 *   generations/<name>/data/…             files of the data folder: certificates and their keys
 *   generations/<name>/settings/…         copies of the operator's own files, for looking things up
 *   generations/<name>.unfinished/        a generation while it is made
 */

const MARK_FILE = 'berth-backup.json'
/** Suffixes of folders that are no generation: not yet, or no longer. */
const UNFINISHED = '.unfinished'
const REMOVING = '.removing'
/** Names in a generation. */
export const FACTS_FILE = 'facts.db'
export const LIST_FILE = 'blobs.txt'
export const DATA_FILES = 'data'
export const SETTINGS_FILES = 'settings'
const CONTENTS_FILE = 'generation.json'
/** Largest `generation.json` that is read, in bytes. */
const MAX_CONTENTS_BYTES = 64 * 1024 ** 2

/** A generation and its folder. */
export interface FoundGeneration {
  readonly folder: string
  readonly generation: Generation
}

/** Marks an empty folder as one of backups, and makes it if need be. Errors: `BackupError` if other things are in it. */
export async function makeBackupFolder(folder: string): Promise<string> {
  await makeFolder(folder, PRIVATE_FOLDER)
  const others = (await readdir(folder)).filter(
    (name) => name !== 'lost+found' && name !== `${MARK_FILE}.new`,
  )
  if (others.length > 0) {
    throw new BackupError(
      'BACKUP_FOLDER_UNUSABLE',
      `${folder} is no folder of backups: it holds "${others[0]}"`,
      'Name an empty folder, or one that "berth backup" has made',
    )
  }
  const id = randomUUID()
  const path = join(folder, MARK_FILE)
  await writeStoredFile(`${path}.new`, `${JSON.stringify({ format: BACKUP_FORMAT, id })}\n`)
  await rename(`${path}.new`, path)
  await syncFolder(folder)
  return id
}

/** The id of a folder of backups; undefined if it is none. Errors: those of the system; `BackupError` of a later form. */
export async function readBackupMark(folder: string): Promise<string | undefined> {
  const text = await readFile(join(folder, MARK_FILE), 'utf8').catch(ignoreAbsent)
  if (text === undefined) return undefined
  const mark = parseMark(text)
  if (mark?.format === BACKUP_FORMAT && typeof mark.id === 'string') return mark.id
  const isLater = typeof mark?.format === 'number' && mark.format > BACKUP_FORMAT
  throw new BackupError(
    isLater ? 'BACKUP_FOLDER_UNUSABLE' : 'BACKUP_DAMAGED',
    isLater ? `${folder} is of a later version of Berth` : `${join(folder, MARK_FILE)} is damaged`,
    isLater
      ? 'Use that version'
      : 'Write {"format":1,"id":"any text"} into it: the generations do not depend on it',
  )
}

function parseMark(text: string): { format?: unknown; id?: unknown } | undefined {
  try {
    return JSON.parse(text) as { format?: unknown; id?: unknown }
  } catch {
    return undefined
  }
}

/** The generations that are whole, the oldest first. `onDamaged`: called with the folder of one without usable contents. */
export async function listGenerations(
  folder: string,
  onDamaged: (folder: string) => void = () => {},
): Promise<FoundGeneration[]> {
  const found: FoundGeneration[] = []
  for (const name of (await listFolders(folder)).filter(isGenerationName)) {
    const path = join(generationsFolder(folder), name)
    const generation = await readContents(path)
    if (generation?.name === name) found.push({ folder: path, generation })
    else onDamaged(path)
  }
  return found
}

async function readContents(folder: string): Promise<Generation | undefined> {
  const path = join(folder, CONTENTS_FILE)
  const facts = await stat(path).catch(ignoreAbsent)
  if (!facts || facts.size > MAX_CONTENTS_BYTES) return undefined
  return parseGeneration(await readFile(path, 'utf8'))
}

/** Makes the folder of a new generation, without those that earlier runs have left unfinished. Returns its path. */
export async function beginGeneration(folder: string, name: string): Promise<string> {
  await removeLeftovers(folder)
  const path = join(generationsFolder(folder), `${name}${UNFINISHED}`)
  await makeFolder(path, PRIVATE_FOLDER)
  return path
}

/** Makes a generation durable and gives it its name: from then on it counts. */
export async function nameGeneration(unfinished: string, generation: Generation): Promise<void> {
  await writeStoredFile(join(unfinished, CONTENTS_FILE), `${JSON.stringify(generation, null, 1)}\n`)
  await syncTree(unfinished)
  await rename(unfinished, unfinished.slice(0, -UNFINISHED.length))
  await syncFolder(join(unfinished, '..'))
}

/** Removes a generation; after a crash what is left of it does not count. */
export async function removeGeneration({ folder }: FoundGeneration): Promise<void> {
  await rename(folder, `${folder}${REMOVING}`)
  await syncFolder(join(folder, '..'))
  await rm(`${folder}${REMOVING}`, { recursive: true, force: true })
}

/** Removes what ended runs have left. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await listFolders(folder)) {
    if (name.endsWith(UNFINISHED) || name.endsWith(REMOVING))
      await rm(join(generationsFolder(folder), name), { recursive: true, force: true })
  }
}

async function listFolders(folder: string): Promise<string[]> {
  return ((await readdir(generationsFolder(folder)).catch(ignoreAbsent)) ?? []).sort()
}

function generationsFolder(folder: string): string {
  return join(folder, 'generations')
}

function ignoreAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
  return undefined
}
