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

/** Mode of folders, and of files, that nobody but their owner may use. */
export const PRIVATE_FOLDER = 0o700
export const PRIVATE_FILE = 0o600

/** Who owns a file or folder. */
export interface Owner {
  readonly uid: number
  readonly gid: number
}

/**
 * Who is to own what is made in a folder; undefined: whoever runs this. What root makes there would be out of reach of the
 * server whose folder it is.
 */
export async function ownerFor(folder: string): Promise<Owner | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const { uid, gid } = await stat(folder)
  return uid === 0 ? undefined : { uid, gid }
}

/**
 * Creates a folder and the parents it lacks. Not by Node's `recursive`, which tries for ever where the system answers ENOENT
 * though the parent is there, as below /proc (Node 26). Errors: those of the system; EEXIST where a file stands.
 * @returns the first folder that was made, undefined if all stood.
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
    // What cannot be looked at is none to work with: the error of making it says why.
    return false
  }
}

/**
 * Creates a folder with its parents, each entry durable; nothing to do where it stands. They belong to the owner of the
 * folder they are made in, also when root makes them.
 */
export async function makeFolder(folder: string, mode = 0o777): Promise<void> {
  const firstMade = await makeMissingFolders(folder, mode)
  if (firstMade === undefined) return
  const owner = await ownerFor(dirname(firstMade))
  for (let made = folder; made.length >= firstMade.length; made = dirname(made)) {
    if (owner) await chown(made, owner.uid, owner.gid)
    await syncFolder(dirname(made))
  }
}

/**
 * Moves a file whose bytes are already durable to its place, over what stands there; after it the move is durable.
 * Both paths are in one file system.
 */
export async function moveDurably(from: string, to: string): Promise<void> {
  const folder = dirname(to)
  await makeFolder(folder, PRIVATE_FOLDER)
  await rename(from, to)
  // The folders above may have been made a moment ago by another move, or by one that a crash ended, and not be
  // durable yet. Where nothing has changed a sync costs next to nothing.
  await Promise.all([folder, dirname(folder), dirname(dirname(folder))].map(syncFolder))
}
