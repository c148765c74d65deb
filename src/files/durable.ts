import { chown, mkdir, open, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Makes the entries of a folder durable: after it a rename or a new file in it survives a power cut.
 * Errors: those of the system, not translated.
 */
export async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r')
  await handle.sync()
}

/** Modes of folders, and of files, that only their owner may use. */
export const PRIVATE_FOLDER = 0o700
export const PRIVATE_FILE = 0o600

/** Owner of a file or folder. */
export interface Owner {
  readonly uid: number
  readonly gid: number
}

/**
 * Owner to give to new entries of a folder; undefined: the user of this process. Files that root keeps for itself would
 * be out of reach of the server whose folder it is.
 */
export async function ownerFor(folder: string): Promise<Owner | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const { uid, gid } = await stat(folder)
  return uid === 0 ? undefined : { uid, gid }
}

/**
 * Creates a folder and the parents it lacks. Not by Node's `recursive`, which tries for ever where the system answers
 * ENOENT though the parent exists, as below /proc (Node 26). Errors: those of the system; EEXIST if a file has that
 * path.
 * @returns the first folder that was made, undefined if all existed.
 */
export async function makeMissingFolders(folder: string, mode: number): Promise<string | undefined> {
  const problem = await tryToMake(folder, mode)
  if (problem === undefined) return folder
  if (await isFolder(folder)) return undefined
  const parent = dirname(folder)
  if (problem.code !== 'ENOENT' || parent === folder) throw problem
  const first = await makeMissingFolders(parent, mode)
  const again = await tryToMake(folder, mode)
  if (again !== undefined && !(await isFolder(folder))) throw again
  return first ?? folder
}

async function tryToMake(folder: string, mode: number): Promise<NodeJS.ErrnoException | undefined> {
  try {
    await mkdir(folder, { mode })
    return undefined
  } catch (error) {
    return error as NodeJS.ErrnoException
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    // A folder that cannot be examined counts as absent: the error of making it says why.
    return false
  }
}

/**
 * Creates a folder with its parents, each entry durable; does nothing if it exists. Made by root, they belong to the
 * owner of the parent folder.
 */
export async function makeFolder(folder: string, mode = 0o777): Promise<void> {
  const firstMade = await makeMissingFolders(folder, mode)
  if (firstMade === undefined) return
  const owner = await ownerFor(dirname(firstMade))
  if (owner)
    for (let made = folder; made.length >= firstMade.length; made = dirname(made))
      await chown(made, owner.uid, owner.gid)
  await syncMade(folder, firstMade)
}

/** Makes the entries of a folder and of its parents durable, up to the first of them that was made. */
export async function syncMade(folder: string, firstMade: string): Promise<void> {
  for (let made = folder; made.length >= firstMade.length; made = dirname(made))
    await syncFolder(dirname(made))
}

/**
 * Moves a file whose bytes are already durable to its place, replacing a file there; after it the move is durable. Both
 * paths are in one file system.
 */
export async function moveDurably(from: string, to: string): Promise<void> {
  await makeFolder(dirname(to), PRIVATE_FOLDER)
  await rename(from, to)
  await syncPlace(to)
}

/**
 * Makes the place of a file durable that a move has put there, or may have before it failed. The folders above may be
 * new and not durable yet: made by another move, or before a crash. A sync without changes costs next to nothing.
 */
export async function syncPlace(path: string): Promise<void> {
  const folder = dirname(path)
  await Promise.all([folder, dirname(folder), dirname(dirname(folder))].map(syncFolder))
}
