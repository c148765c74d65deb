import type { Digest } from '../../oci/digest.ts'

/** Number of the form of the files; a higher one is of a later version. */
export const BACKUP_FORMAT = 1

/** A file of a generation, as it must be. */
export interface StoredFile {
  /** Path below the folder of the generation, with slashes. */
  readonly path: string
  readonly bytes: number
  /** Hex. */
  readonly sha256: string
}

/** A link of a generation: its target is a path from the folder of the link on, and inside the same tree. */
export interface StoredLink {
  readonly path: string
  readonly link: string
}

/** A blob that the facts name, and that could not be copied. */
export interface BadBlob {
  readonly digest: Digest
  /** `missing`, `damaged` or the reason why it could not be read. */
  readonly problem: string
}

/** Most bad blobs that are named in one place. */
export const MAX_NAMED_BAD = 100

/** Contents of a generation, as its `generation.json` has them: written last, so that what has none is not whole. */
export interface Generation {
  readonly format: number
  /** Its name: the UTC time at which it was begun, such as `20261128T030000Z`. */
  readonly name: string
  readonly startedAt: string
  readonly endedAt: string
  /** Version of Berth that made it. */
  readonly version: string
  /** Step of the schema that the facts have; undefined: of that version. */
  readonly schema?: number
  /** Engine from which the facts come; they are stored as an SQLite database in any case. */
  readonly engine: string
  /** The facts, and the list of the blobs. */
  readonly facts: StoredFile
  readonly list: StoredFile
  /** Blobs of the list that are in the backup, and their bytes. */
  readonly blobs: number
  readonly blobBytes: number
  /** Number of blobs that could not be copied, and the first of them. */
  readonly bad: number
  readonly firstBad: readonly BadBlob[]
  /** Keys, certificates and settings. */
  readonly files: readonly (StoredFile | StoredLink)[]
}

/** The name of a generation that begins at a time. */
export function toGenerationName(at: Date): string {
  return at.toISOString().replace(/[-:]|\.\d+/g, '')
}

/** True if a text is the name of a generation: a safe part of a path. */
export function isGenerationName(text: string): boolean {
  return /^\d{8}T\d{6}Z$/.test(text)
}

/** The time of a generation's name. */
export function readGenerationTime(name: string): Date {
  const [, ...parts] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(name) ?? []
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts.map(Number)
  return new Date(Date.UTC(year, month - 1, day, hour, minute, second))
}

/** Reads the text of a `generation.json`; undefined if it is none of this form. */
export function parseGeneration(text: string): Generation | undefined {
  try {
    const value = JSON.parse(text) as Partial<Generation> | null
    if (typeof value !== 'object' || value === null) return undefined
    if (value.format !== BACKUP_FORMAT || !isGenerationName(String(value.name))) return undefined
    const files = [value.facts, value.list, ...(Array.isArray(value.files) ? value.files : [undefined])]
    return files.every(isEntry) && noneIsBehindLink(files) ? (value as Generation) : undefined
  } catch {
    return undefined
  }
}

/** The paths of a generation come from a disk that others may have written to: none may lead out of its folder. */
function isEntry(entry: unknown): entry is { path: string; link?: string } {
  if (typeof entry !== 'object' || entry === null) return false
  const { path, link } = entry as { path?: unknown; link?: unknown }
  if (typeof path !== 'string' || !isInside(path.split('/'))) return false
  return link === undefined || (typeof link === 'string' && isLinkInside(path, link))
}

/** A file behind a link would be written where the link leads. */
function noneIsBehindLink(entries: readonly { path: string; link?: string }[]): boolean {
  const links = new Set(entries.filter(({ link }) => link !== undefined).map(({ path }) => path))
  return entries.every(({ path }) => {
    const parts = path.split('/')
    return parts.every((_, at) => at === 0 || !links.has(parts.slice(0, at).join('/')))
  })
}

function isInside(parts: readonly string[]): boolean {
  return parts.every((part) => part !== '' && part !== '.' && part !== '..' && !part.includes('\0'))
}

/**
 * True if a link leads to a place in the same tree, the first folder of its path: up only at its begin, so that no other link on
 * the way changes where it leads.
 */
export function isLinkInside(path: string, link: string): boolean {
  const [, up = '', down = ''] = /^((?:\.\.\/)*)(.*)$/s.exec(link) ?? []
  return isInside(down.split('/')) && up.length / 3 <= path.split('/').length - 2
}
