import { rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { makeFolder, PRIVATE_FOLDER, syncFolder } from '../../files/durable.ts'
import { systemCodeOf } from '../storage-fault.ts'

/**
 * Moves what is at `from`, a file or a folder, to `to`, replacing what is there; durable when it returns. False if
 * nothing is at `from`. A crash in the middle leaves it in one of both places. Errors: those of the system.
 */
export async function setAside(from: string, to: string): Promise<boolean> {
  await makeFolder(dirname(to), PRIVATE_FOLDER)
  if (!(await moveTo(from, to))) return false
  await syncFolder(dirname(to))
  await syncFolder(dirname(from))
  return true
}

async function moveTo(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to)
    return true
  } catch (error) {
    const code = systemCodeOf(error)
    if (code === 'ENOENT') return false
    // A folder does not replace a file, nor a file a folder.
    if (!IN_THE_WAY.has(code) || !(await removeAside(to))) throw error
    await rename(from, to)
    return true
  }
}

const IN_THE_WAY: ReadonlySet<string | undefined> = new Set(['EISDIR', 'ENOTDIR', 'ENOTEMPTY', 'EEXIST'])

/** Removes what was set aside, a file or a folder with its content; false if nothing is there. Errors: those of the system. */
export async function removeAside(path: string): Promise<boolean> {
  try {
    await rm(path, { recursive: true })
    return true
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false
    throw error
  }
}
