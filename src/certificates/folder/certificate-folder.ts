import { type FSWatcher, watch } from 'node:fs'
import { reasonOf } from '../x509/certificate-error.ts'
import { type ClientFiles, readClientFiles, unreadClientFiles } from './read-client-files.ts'
import { type FolderPairs, readFolder } from './read-folder.ts'

/** Quiet time after a change before the folder is read, in milliseconds: certificate and key come one after the other. */
const SETTLE_MS = 200
/** Longest time that changes can put off reading, in milliseconds. */
const MAX_SETTLE_MS = 1_000
/** Time between two looks without being told, in milliseconds: not every file system tells of changes. */
const POLL_MS = 5_000
/** Folders watched beside the folder itself: each takes a watch of the system; those above are polled. */
const MAX_WATCHED_FOLDERS = 200

/** How a folder is read, and who is told what. */
export interface FolderListener {
  /** Whether its `ca.crt` and the like say which clients come in: an operator's folder, not one that Berth fills. */
  readonly hasClientFiles: boolean
  /** Told after each change, not of the first reading. */
  readonly onChange: () => void
  /** Told when the folder cannot be read; then the last content stays. Once for each reason. */
  readonly onProblem: (problem: string) => void
}

interface FolderContent {
  readonly pairs: FolderPairs
  readonly clientFiles: ClientFiles
}

/** A folder of certificates that is read again when something in it, or where its links lead, changes. */
export class CertificateFolder implements Disposable {
  readonly path: string
  readonly #listener: FolderListener
  readonly #watchers = new Map<string, FSWatcher>()
  readonly #poll: NodeJS.Timeout
  #content: FolderContent = { pairs: new Map(), clientFiles: new Map() }
  #settle: NodeJS.Timeout | undefined
  #firstChangeAt: number | undefined
  #reading: Promise<void> | undefined
  #isStale = false
  #isClosed = false
  #problem: string | undefined

  private constructor(path: string, listener: FolderListener) {
    this.path = path
    this.#listener = listener
    this.#poll = setInterval(() => void this.refresh(), POLL_MS)
    this.#poll.unref()
  }

  /** Reads the folder for the first time and begins to watch it. It may be missing, and come later. */
  static async open(path: string, listener: FolderListener): Promise<CertificateFolder> {
    const folder = new CertificateFolder(path, listener)
    folder.#watch(path)
    folder.#content = (await folder.#read()) ?? {
      pairs: new Map(),
      clientFiles: listener.hasClientFiles
        ? unreadClientFiles(path, folder.#problem ?? `${path} cannot be read`)
        : new Map(),
    }
    folder.#watchTargets()
    return folder
  }

  /** What is in it. A new value after each change, never changed in place. */
  get pairs(): FolderPairs {
    return this.#content.pairs
  }

  /** What clients are judged by. A new value after each change. */
  get clientFiles(): ClientFiles {
    return this.#content.clientFiles
  }

  /** Reads it now. What changes while it is read is read once more. */
  refresh(): Promise<void> {
    this.#isStale = this.#reading !== undefined
    this.#reading ??= this.#refresh().finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  [Symbol.dispose](): void {
    this.#isClosed = true
    clearInterval(this.#poll)
    clearTimeout(this.#settle)
    for (const watcher of this.#watchers.values()) watcher.close()
    this.#watchers.clear()
  }

  async #refresh(): Promise<void> {
    do {
      this.#isStale = false
      const content = await this.#read()
      if (this.#isClosed) return
      this.#watch(this.path)
      if (content === undefined || isSameContent(this.#content, content)) continue
      this.#content = content
      this.#watchTargets()
      this.#listener.onChange()
    } while (this.#isStale)
  }

  async #read(): Promise<FolderContent | undefined> {
    try {
      const now = Date.now()
      const pairs = await readFolder(this.path, this.#content.pairs, now)
      const before = this.#content.clientFiles
      const clientFiles = this.#listener.hasClientFiles
        ? await readClientFiles(this.path, before, now)
        : before
      this.#problem = undefined
      return { pairs, clientFiles }
    } catch (error) {
      const problem = `${this.path} cannot be read (${reasonOf(error)})`
      if (problem !== this.#problem) this.#listener.onProblem(problem)
      this.#problem = problem
      return undefined
    }
  }

  #watchTargets(): void {
    const wanted = new Set([this.path])
    for (const { folders } of this.#content.pairs.values()) {
      for (const folder of folders) if (wanted.size <= MAX_WATCHED_FOLDERS) wanted.add(folder)
    }
    for (const [path, watcher] of this.#watchers) {
      if (wanted.has(path)) continue
      watcher.close()
      this.#watchers.delete(path)
    }
    for (const path of wanted) this.#watch(path)
  }

  #watch(path: string): void {
    if (this.#isClosed || this.#watchers.has(path)) return
    try {
      const watcher = watch(path, { persistent: false }, () => this.#changed())
      watcher.on('error', () => {
        watcher.close()
        this.#watchers.delete(path)
      })
      this.#watchers.set(path, watcher)
    } catch {
      // Missing, or a file system that cannot tell: the poll looks again.
    }
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
}

function isSameContent(a: FolderContent, b: FolderContent): boolean {
  return isSame(a.pairs, b.pairs) && isSame(a.clientFiles, b.clientFiles)
}

function isSame<T>(a: ReadonlyMap<string, T>, b: ReadonlyMap<string, T>): boolean {
  return a.size === b.size && [...b].every(([name, file]) => a.get(name) === file)
}
