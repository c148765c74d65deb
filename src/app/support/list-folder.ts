import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Entries that are listed: the data folder itself has some dozen. */
const MAX_ENTRIES = 200

/** Kind, size, mode and owner of what a folder holds, a line each; folders are not entered, and no file is read. */
export async function listFolder(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).sort()
  const lines = await Promise.all(names.slice(0, MAX_ENTRIES).map((name) => describeEntry(folder, name)))
  return names.length > MAX_ENTRIES ? [...lines, `… ${names.length - MAX_ENTRIES} more`] : lines
}

async function describeEntry(folder: string, name: string): Promise<string> {
  const found = await lstat(join(folder, name)).catch(() => undefined)
  if (!found) return `? ${name}`
  const kind = found.isDirectory()
    ? 'folder'
    : found.isFile()
      ? 'file'
      : found.isSymbolicLink()
        ? 'link'
        : 'other'
  const mode = (found.mode & 0o7777).toString(8)
  return `${kind} ${mode} ${found.uid}:${found.gid} ${found.size} ${found.mtime.toISOString()} ${name}`
}
