import { randomBytes } from 'node:crypto'
import { rename, rmdir } from 'node:fs/promises'
import { moveDurably } from '../../files/durable.ts'
import { systemCodeOf } from '../storage-fault.ts'

/**
 * Moves a file whose bytes are durable to the place of a blob, replacing a file there; after it the move is durable. A
 * folder there, such as a container engine makes for a mount of a missing file, is removed if it is empty, else kept
 * beside the blob under another name. Errors: those of the system.
 */
export async function placeBlob(from: string, path: string): Promise<void> {
  try {
    await moveDurably(from, path)
  } catch (error) {
    if (systemCodeOf(error) !== 'EISDIR') throw error
    await clearFolder(path)
    await moveDurably(from, path)
  }
}

async function clearFolder(path: string): Promise<void> {
  try {
    await rmdir(path)
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOTEMPTY') throw error
    await rename(path, `${path}.replaced-${randomBytes(6).toString('hex')}`)
  }
}
