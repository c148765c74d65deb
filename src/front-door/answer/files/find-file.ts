import type { Stats } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { resolve, sep } from 'node:path'
import { bytesOf } from '../../vhost/syntax/byte-text.ts'

/** What of the folders of sites is served. */
export interface FileRules {
  /** Names that begin with a dot; `.well-known` (RFC 8615) is served anyway. */
  readonly dotfiles: boolean
  /** Links that lead out of the folder of the site. */
  readonly symlinks: boolean
  /** Folders of which nothing is served, whoever links to them: data, keys and passwords. */
  readonly closedFolders: readonly string[]
}

/** What holds where nothing is said. */
export const STRICT: FileRules = { dotfiles: false, symlinks: false, closedFolders: [] }

/** A file or folder that may be served, by the name that leads there without links. */
export interface FoundFile {
  readonly path: string | Buffer
  readonly stats: Stats
}

/**
 * Finds what lies at a path below the folder of a site, links followed as the rules say. The path is below `root` by its
 * text; bytes that are no UTF-8 may be in it.
 * @returns `denied` if the system does not let it be looked at; undefined if there is nothing that may be served.
 */
export async function findFile(
  root: string,
  path: string,
  rules: FileRules,
): Promise<FoundFile | 'denied' | undefined> {
  if (!rules.dotfiles && hasDotName(path.slice(root.length))) return undefined
  try {
    const real = await realpath(nameOf(path), 'buffer')
    const name = real.toString('latin1')
    const isDirect = name === bytesOf(path).toString('latin1')
    if (!isDirect && !rules.symlinks && !isWithin(await realName(root), name)) return undefined
    for (const folder of await closedNames(rules)) if (isWithin(folder, name)) return undefined
    return { path: real, stats: await stat(real) }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : ''
    return code === 'EACCES' ? 'denied' : undefined
  }
}

/** Looked up once for the rules of a server: it holds these folders as long as it runs. */
const known = new WeakMap<FileRules, Promise<readonly string[]>>()

function closedNames(rules: FileRules): Promise<readonly string[]> {
  const names = known.get(rules) ?? Promise.all(rules.closedFolders.map(realName))
  known.set(rules, names)
  return names
}

function hasDotName(path: string): boolean {
  return path.split('/').some((name) => name.startsWith('.') && name !== '.well-known')
}

/** The name of a folder without links, a sign for each byte; as it is given if there is none. */
async function realName(folder: string): Promise<string> {
  try {
    return (await realpath(folder, 'buffer')).toString('latin1')
  } catch {
    return bytesOf(resolve(folder)).toString('latin1')
  }
}

function isWithin(folder: string, name: string): boolean {
  return name === folder || name.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`)
}

function nameOf(path: string): string | Buffer {
  return path.isWellFormed() ? path : bytesOf(path)
}
