import type { Stats } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { resolve, sep } from 'node:path'
import { toBytes } from '../../vhost/syntax/byte-text.ts'

/** Rules about files of sites. */
export interface FileRules {
  /** True: names that begin with a dot are served; `.well-known` (RFC 8615) always is. */
  readonly dotfiles: boolean
  /** True: links that lead out of the folder of the site are followed. */
  readonly symlinks: boolean
  /** Folders of which nothing is served, even by links: data, keys and passwords. */
  readonly closedFolders: readonly string[]
}

/** Default rules. */
export const STRICT: FileRules = { dotfiles: false, symlinks: false, closedFolders: [] }

/** A file or folder that may be served, by the name that leads there without links. */
export interface FoundFile {
  readonly path: string | Buffer
  readonly stats: Stats
}

/**
 * Finds the file or folder at a path below the folder of a site, following links by the rules. The path is below `root`
 * by its text; it may hold bytes that are not UTF-8.
 * @returns `denied` if the system refuses access; undefined if there is nothing that may be served.
 */
export async function findFile(
  root: string,
  path: string,
  rules: FileRules,
): Promise<FoundFile | 'denied' | undefined> {
  if (!rules.dotfiles && hasDotName(path.slice(root.length))) return undefined
  try {
    const real = await realpath(toFileName(path), 'buffer')
    const name = real.toString('latin1')
    const isDirect = name === toBytes(path).toString('latin1')
    if (!isDirect && !rules.symlinks && !isWithin(await realName(root), name)) return undefined
    for (const folder of await closedNames(rules)) if (isWithin(folder, name)) return undefined
    return { path: real, stats: await stat(real) }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : ''
    return code === 'EACCES' ? 'denied' : undefined
  }
}

/** A memo of the folders of a server's rules: it holds these folders as long as it runs. */
const known = new WeakMap<FileRules, Promise<readonly string[]>>()

function closedNames(rules: FileRules): Promise<readonly string[]> {
  const names = known.get(rules) ?? Promise.all(rules.closedFolders.map(realName))
  known.set(rules, names)
  return names
}

function hasDotName(path: string): boolean {
  return path.split('/').some((name) => name.startsWith('.') && name !== '.well-known')
}

/** The name of a folder without links, a character for each byte; as given if there is none. */
async function realName(folder: string): Promise<string> {
  try {
    return (await realpath(folder, 'buffer')).toString('latin1')
  } catch {
    return toBytes(resolve(folder)).toString('latin1')
  }
}

function isWithin(folder: string, name: string): boolean {
  return name === folder || name.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`)
}

function toFileName(path: string): string | Buffer {
  return path.isWellFormed() ? path : toBytes(path)
}
