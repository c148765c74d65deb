import { hash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import {
  type HtpasswdContent,
  type HtpasswdReading,
  MAX_HTPASSWD_LINES,
  parseHtpasswd,
} from './htpasswd-format.ts'

/** Shortest time between two looks at the file, in milliseconds. */
const CHECK_INTERVAL_MS = 1_000
/** How long a changed file must have stayed as it is before it counts, in milliseconds: editors write in place. */
const SETTLE_MS = 1_000
/** Largest file, in bytes; its lines number at most {@link MAX_HTPASSWD_LINES}. */
export const MAX_HTPASSWD_FILE_BYTES = 1_048_576

/** How it stands with an htpasswd file. */
export interface HtpasswdStatus {
  /** Accounts that can log in. */
  readonly usableAccounts: number
  /** What is wrong with lines of the file, by number; never a name or a hash. */
  readonly warnings: readonly string[]
  /** Why what is in the file now does not count; then the last good copy does, or nobody if there was none. */
  readonly problem: string | undefined
}

/** A pipe put in the file's place must not be waited for. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK

const NOTHING: HtpasswdContent = { accounts: new Map(), warnings: [], costliest: undefined, isTorn: false }

/** What an htpasswd file is made of. */
export interface HtpasswdFileOptions extends HtpasswdReading {
  readonly path: string
  readonly clock: () => number
  /** Told of each file that was read, and of each new problem. */
  readonly onChange: (status: HtpasswdStatus) => void
  /**
   * What is there now counts, as with nginx: a change is not left to settle, and a file that is gone or cannot be read
   * lets nobody in. By default the last good copy stays in force.
   */
  readonly isLive?: boolean
}

/** Why nobody is let in: there is no such file, or it cannot be read. */
export type HtpasswdFailure = 'missing' | 'unreadable'

/** What is compared to tell a change. */
interface Sighting {
  readonly identity: string
  readonly modifiedAtMs: number
  /** When it was first seen like this. */
  readonly seenAtMs: number
}

/**
 * An htpasswd file that is read again when it changes. It is looked at when it is asked, at most once a second, so
 * there is nothing to close. A file that ends within a line leaves the last good copy in force; so does one that cannot
 * be read, unless it is live.
 */
export class HtpasswdFile {
  readonly #options: Required<HtpasswdFileOptions>
  #content: HtpasswdContent | undefined
  /** Of the text that {@link #content} was read from. */
  #digest: string | undefined
  #problem: string | undefined
  #failure: HtpasswdFailure | undefined
  #sighting: Sighting | undefined
  /** Identity of the file that {@link #content} or {@link #problem} stands for. */
  #judged: string | undefined
  #checkedAtMs = Number.NEGATIVE_INFINITY
  #check: Promise<void> | undefined

  constructor(options: HtpasswdFileOptions) {
    this.#options = { weakHashes: false, hasOwners: false, isLive: false, ...options }
  }

  /** The accounts in force. Waits for a look at the file where one is due. */
  current(): HtpasswdContent | Promise<HtpasswdContent> {
    const now = this.#options.clock()
    // Also when the clock was set back.
    const isDue = Math.abs(now - this.#checkedAtMs) >= CHECK_INTERVAL_MS
    if (!isDue && !this.#check) return this.#content ?? NOTHING
    this.#check ??= this.#look(now).finally(() => {
      this.#check = undefined
    })
    return this.#check.then(() => this.#content ?? NOTHING)
  }

  /** How it stands now. */
  async status(): Promise<HtpasswdStatus> {
    await this.current()
    return this.#status()
  }

  /** Why nobody is let in by the last {@link current}; undefined if somebody may be. */
  get failure(): HtpasswdFailure | undefined {
    return this.#content ? undefined : this.#failure
  }

  #status(): HtpasswdStatus {
    const { accounts, warnings } = this.#content ?? NOTHING
    const usableAccounts = [...accounts.values()].filter((account) => account.hash).length
    return { usableAccounts, warnings, problem: this.#problem }
  }

  async #look(now: number): Promise<void> {
    this.#checkedAtMs = now
    try {
      await using file = await open(this.#options.path, OPEN_FLAGS)
      await this.#readIfChanged(file, now)
    } catch (error) {
      if (!isSystemError(error)) throw error
      this.#lose(`The htpasswd file cannot be read (${error.code})`, error.code)
    }
  }

  async #readIfChanged(file: FileHandle, now: number): Promise<void> {
    const seen = await identify(file)
    if (this.#sighting?.identity !== seen.identity) this.#sighting = { ...seen, seenAtMs: now }
    if (seen.identity === this.#judged) return
    if (!seen.isFile) return this.#lose('The htpasswd file is no regular file', seen.identity)
    const hasSettled = isSettled(this.#sighting, now)
    if (this.#content && !hasSettled && !this.#options.isLive) return
    const text = await readText(file, seen.sizeBytes)
    const { identity } = await identify(file)
    const hasChanged = identity !== seen.identity
    // One that changed under the reader is left for the next look.
    if (hasChanged && !this.#options.isLive) return
    this.#judge(text, identity)
    // A write within the same tick of the file system's clock would not show: a young file is read once more.
    if (this.#options.isLive && (hasChanged || !hasSettled)) this.#judged = undefined
  }

  #judge(text: string | undefined, identity: string): void {
    const digest = text === undefined ? undefined : hash('sha256', text)
    if (text === undefined || digest === undefined) {
      this.#lose('The htpasswd file is too large, or no text file', identity)
    } else if (this.#content && digest === this.#digest && this.#problem === undefined) {
      this.#judged = identity
    } else {
      const content = parseHtpasswd(text, this.#options)
      if (content.isTorn && this.#content) this.#refuse('The htpasswd file ends within a line', identity)
      else this.#accept(content, { digest, identity })
    }
  }

  #accept(content: HtpasswdContent, { digest, identity }: { digest: string; identity: string }): void {
    this.#content = content
    this.#digest = digest
    this.#problem = undefined
    this.#judged = identity
    this.#options.onChange(this.#status())
  }

  /** The file itself is of no use: where what is there now counts, nobody is let in. */
  #lose(problem: string, identity: string): void {
    if (this.#options.isLive) this.#content = undefined
    this.#failure = identity === 'ENOENT' ? 'missing' : 'unreadable'
    this.#refuse(problem, identity)
  }

  /** Keeps what was in force; says so once for each state of the file. */
  #refuse(problem: string, identity: string): void {
    const isKnown = this.#judged === identity || (this.#options.isLive && this.#problem === problem)
    this.#judged = identity
    this.#problem = problem
    if (!isKnown) this.#options.onChange(this.#status())
  }
}

async function identify(
  file: FileHandle,
): Promise<{ identity: string; modifiedAtMs: number; sizeBytes: number; isFile: boolean }> {
  const stats = await file.stat({ bigint: true })
  return {
    identity: [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(' '),
    modifiedAtMs: Number(stats.mtimeMs),
    sizeBytes: Number(stats.size),
    isFile: stats.isFile(),
  }
}

function isSettled(sighting: Sighting, now: number): boolean {
  return now - sighting.modifiedAtMs >= SETTLE_MS || now - sighting.seenAtMs >= SETTLE_MS
}

/** The text of a file; undefined for one that is too large, or that holds a NUL, as after a crash. */
async function readText(file: FileHandle, sizeBytes: number): Promise<string | undefined> {
  // One byte more than there is, to see the end; a file that grows meanwhile has another identity afterwards.
  const buffer = Buffer.alloc(Math.min(sizeBytes, MAX_HTPASSWD_FILE_BYTES) + 1)
  let length = 0
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  if (length > MAX_HTPASSWD_FILE_BYTES) return undefined
  const bytes = buffer.subarray(0, length)
  return bytes.includes(0) || countLines(bytes) > MAX_HTPASSWD_LINES ? undefined : bytes.toString('utf8')
}

function countLines(bytes: Buffer): number {
  let lines = 1
  for (const byte of bytes) if (byte === 0x0a) lines++
  return lines
}

function isSystemError(error: unknown): error is Error & { code: string } {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
}
