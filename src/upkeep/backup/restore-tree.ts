import { lstat, rename, rm, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { makeFolder, PRIVATE_FOLDER, syncFolder } from '../../files/durable.ts'
import type { FoundGeneration } from './backup-folder.ts'
import type { StoredFile, StoredLink } from './generation.ts'
import { copyStoredFile } from './stored-files.ts'

/**
 * Writes the files of a tree of a generation below a folder, durably, each checked against its checksum. Files that are
 * there stay. Returns the paths of those that are damaged in the backup, which are left out. Errors: those of the target.
 */
export async function restoreTree(
  { folder, generation }: FoundGeneration,
  { tree, to }: { tree: string; to: string },
): Promise<string[]> {
  const bad: string[] = []
  const folders = new Set<string>()
  for (const entry of generation.files) {
    if (!entry.path.startsWith(`${tree}/`)) continue
    const place = join(to, entry.path.slice(tree.length + 1))
    await makeFolder(dirname(place), PRIVATE_FOLDER)
    folders.add(dirname(place))
    if (!(await restoreEntry(entry, { from: join(folder, entry.path), place }))) bad.push(entry.path)
  }
  for (const made of folders) await syncFolder(made)
  return bad
}

/** False if the copy in the backup is damaged. */
async function restoreEntry(
  entry: StoredFile | StoredLink,
  { from, place }: { from: string; place: string },
): Promise<boolean> {
  if (await lstat(place).catch(() => undefined)) return true
  if ('link' in entry) {
    await symlink(entry.link, place)
    return true
  }
  const isThere = (await lstat(from).catch(() => undefined))?.isFile() === true
  const copied = isThere ? await copyStoredFile(from, `${place}.restoring`) : undefined
  if (copied?.sha256 === entry.sha256) {
    await rename(`${place}.restoring`, place)
    return true
  }
  await rm(`${place}.restoring`, { force: true })
  return false
}
