import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { blobFolder } from './layout.ts'

/** True if a blob is stored below the folder `root`. It reads the folders of the algorithms only, whose entries are 256 at most. */
export async function hasBlobs(root: string): Promise<boolean> {
  const folder = blobFolder(root)
  for (const algorithm of await listEntries(folder))
    if ((await listEntries(join(folder, algorithm))).length > 0) return true
  return false
}

/** None of a folder with a fault, which is reported where the folder is used. */
async function listEntries(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => [])
}
