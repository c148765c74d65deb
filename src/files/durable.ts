import { mkdir, open, rename } from 'node:fs/promises'
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

/** Creates a folder with its parents, each entry durable; nothing to do where it stands. */
export async function makeFolder(folder: string, mode = 0o777): Promise<void> {
  const firstMade = await mkdir(folder, { recursive: true, mode })
  if (firstMade === undefined) return
  for (let made = folder; made.length >= firstMade.length; made = dirname(made))
    await syncFolder(dirname(made))
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
