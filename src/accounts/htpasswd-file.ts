import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { type HtpasswdContent, MAX_HTPASSWD_LINES, parseHtpasswd } from './htpasswd-format.ts'

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

const NOTHING: HtpasswdContent = { accounts: new Map(), warnings: [], highestCost: undefined, isTorn: false }

/** What is compared to tell a change. */
interface Sighting {
  readonly identity: string
  readonly modifiedAtMs: number
  /** When it was first seen like this. */
  readonly seenAtMs: number
}

/**
 * An htpasswd file that is read again when it changes. It is looked at when it is asked, at most once a second, so
 * there is nothing to close. A file that cannot be read, or ends within a line, leaves the last good copy in force.
 */
export class HtpasswdFile {
  readonly #path: string
  readonly #clock: () => number
  readonly #onChange: (status: HtpasswdStatus) => void
  #content: HtpasswdContent | undefined
  #problem: string | undefined
  #sighting: Sighting | undefined
  /** Identity of the file that {@link #content} or {@link #problem} stands for. */
  #judged: string | undefined
  #checkedAtMs = Number.NEGATIVE_INFINITY
  #check: Promise<void> | undefined

  /** `onChange` is told of each file that was read, and of each new problem. */
  constructor(options: { path: string; clock: () => number; onChange: (status: HtpasswdStatus) => void }) {
    this.#path = options.path
    this.#clock = options.clock
    this.#onChange = options.onChange
  }

  /** The accounts in force. Waits for a look at the file where one is due. */
  current(): HtpasswdContent | Promise<HtpasswdContent> {
    const now = this.#clock()
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

  #status(): HtpasswdStatus {
    const { accounts, warnings } = this.#content ?? NOTHING
    const usableAccounts = [...accounts.values()].filter((account) => account.bcryptHash).length
    return { usableAccounts, warnings, problem: this.#problem }
  }

  async #look(now: number): Promise<void> {
    this.#checkedAtMs = now
    try {
      await using file = await open(this.#path, OPEN_FLAGS)
      await this.#readIfChanged(file, now)
    } catch (error) {
      if (!isSystemError(error)) throw error
      this.#refuse(`The htpasswd file cannot be read (${error.code})`, error.code)
    }
  }

  async #readIfChanged(file: FileHandle, now: number): Promise<void> {
    const seen = await identify(file)
    if (this.#sighting?.identity !== seen.identity) this.#sighting = { ...seen, seenAtMs: now }
    if (seen.identity === this.#judged) return
    if (!seen.isFile) return this.#refuse('The htpasswd file is no regular file', seen.identity)
    if (this.#content && !isSettled(this.#sighting, now)) return
    const text = await readText(file)
    // One that changed under the reader is left for the next look.
    const { identity } = await identify(file)
    if (identity === seen.identity) this.#judge(text, identity)
  }

  #judge(text: string | undefined, identity: string): void {
    const content = text === undefined ? undefined : parseHtpasswd(text)
    if (!content) this.#refuse('The htpasswd file is too large, or no text file', identity)
    else if (content.isTorn && this.#content) this.#refuse('The htpasswd file ends within a line', identity)
    else this.#accept(content, identity)
  }

  #accept(content: HtpasswdContent, identity: string): void {
    this.#content = content
    this.#problem = undefined
    this.#judged = identity
    this.#onChange(this.#status())
  }

  /** Keeps what was in force; says so once for each state of the file. */
  #refuse(problem: string, identity: string): void {
    if (this.#judged === identity) return
    this.#judged = identity
    this.#problem = problem
    this.#onChange(this.#status())
  }
}

async function identify(
  file: FileHandle,
): Promise<{ identity: string; modifiedAtMs: number; isFile: boolean }> {
  const stats = await file.stat({ bigint: true })
  return {
    identity: [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(' '),
    modifiedAtMs: Number(stats.mtimeMs),
    isFile: stats.isFile(),
  }
}

function isSettled(sighting: Sighting, now: number): boolean {
  return now - sighting.modifiedAtMs >= SETTLE_MS || now - sighting.seenAtMs >= SETTLE_MS
}

/** The text of a file; undefined for one that is too large, or that holds a NUL, as after a crash. */
async function readText(file: FileHandle): Promise<string | undefined> {
  const buffer = Buffer.alloc(MAX_HTPASSWD_FILE_BYTES + 1)
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
