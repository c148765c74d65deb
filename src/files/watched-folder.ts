import { lstat, open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { FolderWatcher } from './folder-watcher.ts'

/** Most files of one folder: one to four for each host. */
const MAX_FILES = 20_000
/** Largest file, in bytes: real ones have a few KiB; the bound keeps a stray log from filling memory. */
export const MAX_WATCHED_FILE_BYTES = 1_048_576
/** Files read at once. */
const READS_AT_ONCE = 16

/** A file at the last reading of the folder. */
export interface WatchedFile {
  readonly name: string
  readonly path: string
  /** Undefined if it could not be read; `problem` is the reason. */
  readonly text: string | undefined
  readonly problem: string | undefined
  /** Text that differs if the content may differ. */
  readonly version: string
}

/** The regular files of a folder, by name; those whose name begins with a dot are left out. */
export type FolderContent = ReadonlyMap<string, WatchedFile>

/** Settings and callbacks of a watch. */
interface WatchOptions {
  /** True: read the text of files; otherwise only names and versions are known. */
  readonly withText: boolean
  /**
   * True if the folder was named, or existed once: while it is missing the last good content stays, and `onProblem` is
   * called. Its content protects hosts, and must not go with a mistyped or lost path. Otherwise a missing folder is
   * empty.
   */
  readonly mustExist?: boolean
  /** Called after each change, not after the first reading. */
  readonly onChange: () => void
  /** Called when the folder cannot be read; then the last good content stays. Once for each reason. */
  readonly onProblem: (problem: string) => void
}

/** A flat folder of small files that is read again when something in it changes. */
export class WatchedFolder {
  readonly path: string
  readonly #options: WatchOptions
  readonly #watcher: FolderWatcher
  #content: FolderContent = new Map()
  #problem: string | undefined

  private constructor(path: string, options: WatchOptions) {
    this.path = path
    this.#options = options
    this.#watcher = new FolderWatcher(() => this.#refresh())
  }

  /** Reads the folder for the first time and begins to watch it. */
  static async open(path: string, options: WatchOptions): Promise<WatchedFolder> {
    const folder = new WatchedFolder(path, options)
    folder.#watch()
    folder.#content = (await folder.#read()) ?? folder.#content
    return folder
  }

  /** The files in it. A new value after each change, never changed in place. */
  get content(): FolderContent {
    return this.#content
  }

  /** Reads it now. */
  refresh(): Promise<void> {
    return this.#watcher.refresh()
  }

  close(): void {
    this.#watcher[Symbol.dispose]()
  }

  #watch(): void {
    this.#watcher.watch(new Set([this.path]))
  }

  async #refresh(): Promise<void> {
    this.#watch()
    const content = await this.#read()
    if (this.#watcher.isClosed || !content || isSame(this.#content, content)) return
    this.#content = content
    this.#options.onChange()
  }

  async #read(): Promise<FolderContent | undefined> {
    try {
      const names = await listNames(this.path, this.#options.mustExist === true || this.#content.size > 0)
      const files = await mapBounded(names, (name) => this.#readFile(name))
      this.#problem = undefined
      return new Map(files.filter((file) => file !== undefined).map((file) => [file.name, file]))
    } catch (error) {
      this.#report(
        error instanceof FolderTooLarge
          ? `${this.path} holds more than ${MAX_FILES} files`
          : `${this.path} cannot be read (${codeOf(error)})`,
      )
      return undefined
    }
  }

  async #readFile(name: string): Promise<WatchedFile | undefined> {
    const path = join(this.path, name)
    const before = this.#content.get(name)
    try {
      const stats = await stat(path, { bigint: true })
      if (!stats.isFile()) return this.#unread(name, 'it is no file')
      const version = [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(' ')
      if (before?.version === version) return before
      const text = this.#options.withText ? await readText(path) : undefined
      return { name, path, text, problem: undefined, version }
    } catch (error) {
      const code = codeOf(error)
      // A file that was removed since the folder was read is gone; a link without a target exists.
      if (code === 'ENOENT')
        return (await isLink(path)) ? this.#unread(name, 'it is a link to nothing') : undefined
      return this.#unread(name, `it cannot be read (${code})`)
    }
  }

  /** An entry that is no file counts as an unreadable file, since it may have been put there to protect something. */
  #unread(name: string, problem: string): WatchedFile | undefined {
    if (!this.#options.withText) return undefined
    return { name, path: join(this.path, name), text: undefined, problem, version: problem }
  }

  #report(problem: string): void {
    if (this.#problem === problem) return
    this.#problem = problem
    this.#options.onProblem(problem)
  }
}

class FolderTooLarge extends Error {}

/**
 * `isExpected`: it must exist, or had files, and their content counts on while the folder is away, as with a share that
 * comes back.
 */
async function listNames(path: string, isExpected: boolean): Promise<string[]> {
  try {
    const names = (await readdir(path)).filter((name) => !name.startsWith('.') && !name.endsWith('~'))
    if (names.length > MAX_FILES) throw new FolderTooLarge()
    return names.sort()
  } catch (error) {
    if (codeOf(error) === 'ENOENT' && !isExpected) return []
    throw error
  }
}

async function isLink(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSymbolicLink()
  } catch {
    return false
  }
}

async function readText(path: string): Promise<string> {
  await using file = await open(path)
  const buffer = Buffer.alloc(Math.min((await file.stat()).size + 1, MAX_WATCHED_FILE_BYTES + 1))
  const { bytesRead } = await file.read(buffer, 0, buffer.length, 0)
  if (bytesRead > MAX_WATCHED_FILE_BYTES) throw Object.assign(new Error('too large'), { code: 'EFBIG' })
  return buffer.toString('utf8', 0, bytesRead)
}

async function mapBounded<In, Out>(items: readonly In[], act: (item: In) => Promise<Out>): Promise<Out[]> {
  const results: Out[] = []
  for (let start = 0; start < items.length; start += READS_AT_ONCE) {
    results.push(...(await Promise.all(items.slice(start, start + READS_AT_ONCE).map(act))))
  }
  return results
}

function isSame(a: FolderContent, b: FolderContent): boolean {
  return a.size === b.size && [...b].every(([name, file]) => a.get(name)?.version === file.version)
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason'
}
