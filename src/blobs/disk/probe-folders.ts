import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { access, lstat, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { UnusablePlaceError } from '../blob-place.ts'
import { systemCodeOf } from '../storage-fault.ts'
import { algorithmFolders, blobFolders, uploadFolder } from './layout.ts'

/** Folders of blobs by the first two digits of their digest: 256 of each algorithm at most. */
const PREFIX = /^[0-9a-f]{2}$/
const WRITABLE = constants.R_OK | constants.W_OK | constants.X_OK
/** A full disk does not prevent a start: stored content can be read, and pushes give the reason of their failure. */
const FULL: ReadonlySet<string | undefined> = new Set(['ENOSPC', 'EDQUOT'])

/**
 * Checks at the start that blobs can be stored; without it the first push would fail: on a folder of another owner, a
 * file in a folder's place, uploads on another file system than the blobs. Checks some 500 folders at most, and no
 * blob. Errors: `UnusablePlaceError`.
 */
export async function probeFolders(root: string): Promise<void> {
  const uploads = uploadFolder(root)
  await isUsable(uploads, WRITABLE)
  const shelves: string[] = []
  for (const folder of blobFolders(root)) if (await isUsable(folder, constants.X_OK)) shelves.push(folder)
  const algorithms = algorithmFolders(root).filter((folder) => shelves.includes(folder))
  // In the others nothing is made once the next one exists, and they may belong to the owner of a mount below them.
  const filled = algorithms.length > 0 ? algorithms : shelves.slice(-1)
  for (const folder of filled) await isUsable(folder, WRITABLE)
  for (const folder of algorithms) {
    const names = (await readdir(folder)).filter((name) => PREFIX.test(name))
    for (const name of names) await isUsable(join(folder, name), WRITABLE)
  }
  await tryRename(uploads, filled[0] ?? root)
}

/**
 * False if nothing is there. Errors: `UnusablePlaceError` if it is no folder, or a link to a disk that is not mounted,
 * or this user has not the right.
 */
async function isUsable(path: string, right: number): Promise<boolean> {
  try {
    // With a slash at the end the system fails for anything but a folder.
    await access(`${path}/`, right)
    return true
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT' && !(await isLink(path))) return false
    throw new UnusablePlaceError(error, path)
  }
}

async function isLink(path: string): Promise<boolean> {
  return lstat(path).then(
    (stats) => stats.isSymbolicLink(),
    () => false,
  )
}

/** Moves an empty file as a finished upload is moved: only a move shows that both are under one mount. */
async function tryRename(uploads: string, target: string): Promise<void> {
  const name = `put-check-${randomBytes(6).toString('hex')}`
  const [from, to] = [join(uploads, name), join(target, name)]
  try {
    await writeFile(from, '', { flag: 'wx' })
    await rename(from, to)
  } catch (error) {
    if (!FULL.has(systemCodeOf(error))) throw new UnusablePlaceError(error, target)
  } finally {
    await Promise.all([from, to].map((path) => rm(path, { force: true })))
  }
}
