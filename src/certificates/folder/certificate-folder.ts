import { FolderWatcher } from '../../files/folder-watcher.ts'
import { reasonOf } from '../x509/certificate-error.ts'
import { type ClientFiles, readClientFiles, unreadClientFiles } from './read-client-files.ts'
import { type FolderPairs, readFolder } from './read-folder.ts'

/** Folders watched beside the folder itself: each takes a watch of the system; those above are polled. */
const MAX_WATCHED_FOLDERS = 200

/** Settings and callbacks of a folder. */
export interface FolderListener {
  /**
   * True if its `ca.crt` and the like decide which clients come in: for an operator's folder, not for one that Berth
   * fills.
   */
  readonly hasClientFiles: boolean
  /** Called after each change, not after the first reading. */
  readonly onChange: () => void
  /** Called when the folder cannot be read; then the last content stays. Once for each reason. */
  readonly onProblem: (problem: string) => void
}

interface FolderContent {
  readonly pairs: FolderPairs
  readonly clientFiles: ClientFiles
}

/** A folder of certificates that is read again when something in it, or a target of its links, changes. */
export class CertificateFolder implements Disposable {
  readonly path: string
  readonly #listener: FolderListener
  readonly #watcher: FolderWatcher
  #content: FolderContent = { pairs: new Map(), clientFiles: new Map() }
  #problem: string | undefined

  private constructor(path: string, listener: FolderListener) {
    this.path = path
    this.#listener = listener
    this.#watcher = new FolderWatcher(() => this.#refresh())
  }

  /** Reads the folder for the first time and begins to watch it. It may be missing, and come later. */
  static async open(path: string, listener: FolderListener): Promise<CertificateFolder> {
    const folder = new CertificateFolder(path, listener)
    folder.#watchTargets()
    folder.#content = (await folder.#read()) ?? {
      pairs: new Map(),
      clientFiles: listener.hasClientFiles
        ? unreadClientFiles(path, folder.#problem ?? `${path} cannot be read`)
        : new Map(),
    }
    folder.#watchTargets()
    return folder
  }

  /** Its pairs. A new value after each change, never changed in place. */
  get pairs(): FolderPairs {
    return this.#content.pairs
  }

  /** Its files about clients. A new value after each change. */
  get clientFiles(): ClientFiles {
    return this.#content.clientFiles
  }

  /** Reads it now. A change during the reading leads to another one. */
  refresh(): Promise<void> {
    return this.#watcher.refresh()
  }

  [Symbol.dispose](): void {
    this.#watcher[Symbol.dispose]()
  }

  async #refresh(): Promise<void> {
    const content = await this.#read()
    if (this.#watcher.isClosed) return
    const isChanged = content !== undefined && !isSameContent(this.#content, content)
    if (isChanged) this.#content = content
    this.#watchTargets()
    if (isChanged) this.#listener.onChange()
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
    const targets = new Set([this.path])
    for (const { folders } of this.#content.pairs.values()) {
      for (const folder of folders) if (targets.size <= MAX_WATCHED_FOLDERS) targets.add(folder)
    }
    this.#watcher.watch(targets)
  }
}

function isSameContent(a: FolderContent, b: FolderContent): boolean {
  return isSame(a.pairs, b.pairs) && isSame(a.clientFiles, b.clientFiles)
}

function isSame<T>(a: ReadonlyMap<string, T>, b: ReadonlyMap<string, T>): boolean {
  return a.size === b.size && [...b].every(([name, file]) => a.get(name) === file)
}
