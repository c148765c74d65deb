import { HtpasswdFile, type HtpasswdStatus } from './htpasswd-file.ts'
import { type CostliestHash, findCostliest, type HtpasswdAccount } from './htpasswd-format.ts'

/** Files read at once; a registry has one for itself and one of its virtual host. */
const MAX_ACCOUNT_FILES = 16

/** Settings of the files. */
interface HtpasswdFilesOptions {
  readonly clock: () => number
  /** Called for each file that was read, and for each new problem with one. */
  readonly onChange: (status: HtpasswdStatus, path: string) => void
  /** Allows DES crypt and {PLAIN}. */
  readonly weakHashes: boolean
}

/** Several htpasswd files as one: of a name in two, the entry of the first file counts. */
export class HtpasswdFiles {
  readonly #options: HtpasswdFilesOptions
  #files: ReadonlyMap<string, HtpasswdFile> = new Map()

  constructor(options: HtpasswdFilesOptions) {
    this.#options = options
  }

  /** Replaces the files. One that was there before keeps its state. Errors: more than {@link MAX_ACCOUNT_FILES}. */
  set(paths: readonly string[]): void {
    const unique = new Set(paths)
    if (unique.size > MAX_ACCOUNT_FILES) {
      throw new RangeError(
        `Accounts are read from at most ${MAX_ACCOUNT_FILES} htpasswd files, not ${unique.size}`,
      )
    }
    this.#files = new Map([...unique].map((path) => [path, this.#files.get(path) ?? this.#open(path)]))
  }

  /** True if a file had a line of this name when it was last checked; waits for no disk. */
  haveHad(name: string): boolean {
    for (const file of this.#files.values()) if (file.hasHad(name)) return true
    return false
  }

  /** The first line of a name. */
  async find(name: string): Promise<HtpasswdAccount | undefined> {
    for (const file of this.#files.values()) {
      const content = file.current()
      const line = (content instanceof Promise ? await content : content).accounts.get(name)
      if (line) return line
    }
    return undefined
  }

  /** The lines of all names. */
  async list(): Promise<HtpasswdAccount[]> {
    const lines = new Map<string, HtpasswdAccount>()
    for (const file of this.#files.values()) {
      for (const line of (await file.current()).accounts.values()) {
        if (!lines.has(line.name)) lines.set(line.name, line)
      }
    }
    return [...lines.values()]
  }

  /** The costliest hash of all. */
  async costliest(): Promise<CostliestHash | undefined> {
    const contents = await Promise.all([...this.#files.values()].map((file) => file.current()))
    return findCostliest(contents.map((content) => content.costliest))
  }

  /** Status of a file; undefined for one that is not among them. */
  async status(path: string): Promise<HtpasswdStatus | undefined> {
    return this.#files.get(path)?.status()
  }

  #open(path: string): HtpasswdFile {
    const { clock, onChange, weakHashes } = this.#options
    return new HtpasswdFile({
      path,
      clock,
      weakHashes,
      hasOwners: true,
      onChange: (status) => onChange(status, path),
    })
  }
}
