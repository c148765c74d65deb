import { randomBytes } from 'node:crypto'
import { access, rename, rmdir, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { moveDurably } from '../../files/durable.ts'
import { systemCodeOf } from '../storage-fault.ts'

/** Moves of one file, each of which finds its folder removed by the removal of the same blob just before. */
const MAX_MOVES = 3

/**
 * Moves a file whose bytes are durable to the place of a blob, replacing a file there; after it the move is durable. A
 * folder there, such as a container engine makes for a mount of a missing file, is removed if it is empty, else kept
 * beside the blob under another name. Errors: those of the system; ENOENT if there is no such file.
 */
export async function placeBlob(from: string, path: string): Promise<void> {
  for (let moves = 1; ; moves++) {
    try {
      return await moveDurably(from, path)
    } catch (error) {
      if (moves === MAX_MOVES) throw error
      const code = systemCodeOf(error)
      if (code === 'EISDIR') await clearFolder(path)
      else if (code !== 'ENOENT' || !(await exists(from))) throw error
    }
  }
}

/**
 * Removes the file of a blob, and its folder: otherwise each blob that ever was would keep a folder, until the disk has no
 * more inodes. False if there is no such file. Errors: those of the system.
 */
export async function removeBlob(path: string): Promise<boolean> {
  try {
    await unlink(path)
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false
    throw error
  }
  // One that is not empty stays: another program keeps a file there. So does one that cannot be removed now.
  await rmdir(dirname(path)).catch(() => {})
  return true
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

async function clearFolder(path: string): Promise<void> {
  try {
    await rmdir(path)
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOTEMPTY') throw error
    await rename(path, `${path}.replaced-${randomBytes(6).toString('hex')}`)
  }
}
