import { type FSWatcher, watch } from 'node:fs'
import { lstat, open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Files of one folder that count: one to four for each host. */
const MAX_FILES = 20_000
/** Largest file, in bytes: real ones have a few KiB; the bound keeps a stray log from filling memory. */
export const MAX_WATCHED_FILE_BYTES = 1_048_576
/** Quiet time after a change before the folder is read, in milliseconds: editors write in several steps. */
const SETTLE_MS = 200
/** Longest time that changes can put off reading, in milliseconds. */
const MAX_SETTLE_MS = 1_000
/** Time between two looks without being told, in milliseconds: not every file system tells of changes. */
const POLL_MS = 5_000
/** Files read at once. */
const READS_AT_ONCE = 16

/** A file as it was when the folder was last read. */
export interface WatchedFile {
  readonly name: string
  readonly path: string
  /** undefined if it could not be read; `problem` says why. */
  readonly text: string | undefined
  readonly problem: string | undefined
  /** Differs when the content may differ. */
  readonly version: string
}

/** The regular files of a folder, by name; those whose name begins with a dot are left out. */
export type FolderContent = ReadonlyMap<string, WatchedFile>

/** How a folder is watched. */
export interface WatchOptions {
  /** Read the text of files; without it only names and versions are known. */
  readonly withText: boolean
  /**
   * The folder has been named, or was there once: without it the last good content stays, and `onProblem` is told. What it
   * held protects hosts, and must not go with a mistyped or lost path. Otherwise a missing folder is empty.
   */
  readonly mustExist?: boolean
  /** Told after each change, not of the first reading. */
  readonly onChange: () => void
  /** Told when the folder cannot be read; then the last good content stays. Once for each reason. */
  readonly onProblem: (problem: string) => void
}

/** A flat folder of small files that is read again when something in it changes. */
export class WatchedFolder {
  readonly path: string
  readonly #options: WatchOptions
  readonly #poll: NodeJS.Timeout
  #content: FolderContent = new Map()
  #watcher: FSWatcher | undefined
  #settle: NodeJS.Timeout | undefined
  #firstChangeAt: number | undefined
  #reading: Promise<void> | undefined
  #problem: string | undefined
  #isClosed = false

  private constructor(path: string, options: WatchOptions) {
    this.path = path
    this.#options = options
    this.#poll = setInterval(() => void this.refresh(), POLL_MS)
    this.#poll.unref()
  }

  /** Reads the folder for the first time and begins to watch it. */
  static async open(path: string, options: WatchOptions): Promise<WatchedFolder> {
    const folder = new WatchedFolder(path, options)
    folder.#watch()
    folder.#content = (await folder.#read()) ?? folder.#content
    return folder
  }

  /** What is in it. A new value after each change, never changed in place. */
  get content(): FolderContent {
    return this.#content
  }

  /** Reads it now, once however often it is asked for at a time. */
  refresh(): Promise<void> {
    this.#reading ??= this.#refresh().finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  close(): void {
    this.#isClosed = true
    clearInterval(this.#poll)
    clearTimeout(this.#settle)
    this.#watcher?.close()
  }

  #watch(): void {
    try {
      this.#watcher = watch(this.path, { persistent: false }, () => this.#changed())
      this.#watcher.on('error', () => this.#unwatch())
    } catch {
      // Missing, or a file system that cannot tell: the poll tries again.
    }
  }

  #unwatch(): void {
    this.#watcher?.close()
    this.#watcher = undefined
  }

  #changed(): void {
    if (this.#isClosed) return
    const now = Date.now()
    this.#firstChangeAt ??= now
    clearTimeout(this.#settle)
    const waitMs = Math.min(SETTLE_MS, Math.max(0, this.#firstChangeAt + MAX_SETTLE_MS - now))
    this.#settle = setTimeout(() => {
      this.#firstChangeAt = undefined
      void this.refresh()
    }, waitMs)
  }

  async #refresh(): Promise<void> {
    if (!this.#watcher) this.#watch()
    const content = await this.#read()
    if (this.#isClosed || !content || isSame(this.#content, content)) return
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
      this.#tell(
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
      // A file that was removed since the folder was read is no more; a link that leads nowhere is there.
      if (code === 'ENOENT')
        return (await isLink(path)) ? this.#unread(name, 'it is a link to nothing') : undefined
      return this.#unread(name, `it cannot be read (${code})`)
    }
  }

  /** What stands in the place of a text counts as one that cannot be read, since it may be meant to protect something. */
  #unread(name: string, problem: string): WatchedFile | undefined {
    if (!this.#options.withText) return undefined
    return { name, path: join(this.path, name), text: undefined, problem, version: problem }
  }

  #tell(problem: string): void {
    if (this.#problem === problem) return
    this.#problem = problem
    this.#options.onProblem(problem)
  }
}

class FolderTooLarge extends Error {}

/** `isExpected`: it must be there, or had files, and what they said holds on while the folder is away, as with a share that comes back. */
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
