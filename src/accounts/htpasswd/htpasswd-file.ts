import { hash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import {
  type HtpasswdContent,
  type HtpasswdReading,
  MAX_HTPASSWD_LINES,
  parseHtpasswd,
} from './htpasswd-format.ts'

/** Shortest time between two checks of the file, in milliseconds. */
const CHECK_INTERVAL_MS = 1_000
/** Time for which a changed file must be stable before it counts, in milliseconds: editors write in place. */
const SETTLE_MS = 1_000
/** Largest file, in bytes; its lines number at most {@link MAX_HTPASSWD_LINES}. */
export const MAX_HTPASSWD_FILE_BYTES = 1_048_576

/** Status of an htpasswd file. */
export interface HtpasswdStatus {
  /** Accounts that can log in. */
  readonly usableAccounts: number
  /** Faults of lines of the file, by number; never a name or a hash. */
  readonly warnings: readonly string[]
  /** Reason why the current content does not count; then the last good copy does, or no account if there was none. */
  readonly problem: string | undefined
}

/** Flags that do not block on a pipe in the file's place. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK

const NOTHING: HtpasswdContent = { accounts: new Map(), warnings: [], costliest: undefined, isTorn: false }

/** Dependencies of an htpasswd file. */
interface HtpasswdFileOptions extends HtpasswdReading {
  readonly path: string
  readonly clock: () => number
  /** Called for each file that was read, and for each new problem. */
  readonly onChange: (status: HtpasswdStatus) => void
  /**
   * True: the current content counts at once, as with nginx: a changed file need not be stable, and a missing or
   * unreadable one has no accounts. By default the last good copy stays in force.
   */
  readonly isLive?: boolean
}

/** Reason why there are no accounts: the file is missing, or cannot be read. */
type HtpasswdFailure = 'missing' | 'unreadable'

/** Facts compared to detect a change. */
interface Sighting {
  readonly identity: string
  readonly modifiedAtMs: number
  /** Time at which it was first seen in this state. */
  readonly seenAtMs: number
}

/**
 * An htpasswd file that is read again when it changes. It is checked with its uses, at most once a second, so there is
 * nothing to close. A file that ends within a line leaves the last good copy in force; so does an unreadable one,
 * unless it is live.
 */
export class HtpasswdFile {
  readonly #options: Required<HtpasswdFileOptions>
  #content: HtpasswdContent | undefined
  /** Digest of the text of {@link #content}. */
  #digest: string | undefined
  #problem: string | undefined
  #failure: HtpasswdFailure | undefined
  #sighting: Sighting | undefined
  /** Identity of the file that {@link #content} or {@link #problem} is about. */
  #judged: string | undefined
  #checkedAtMs = Number.NEGATIVE_INFINITY
  #check: Promise<void> | undefined

  constructor(options: HtpasswdFileOptions) {
    this.#options = { weakHashes: false, hasOwners: false, isLive: false, ...options }
  }

  /** The accounts in force. Waits for a check of the file if one is due. */
  current(): HtpasswdContent | Promise<HtpasswdContent> {
    const now = this.#options.clock()
    // Also after the clock was set back.
    const isDue = Math.abs(now - this.#checkedAtMs) >= CHECK_INTERVAL_MS
    if (!isDue && !this.#check) return this.#content ?? NOTHING
    this.#check ??= this.#look(now).finally(() => {
      this.#check = undefined
    })
    return this.#check.then(() => this.#content ?? NOTHING)
  }

  /** True if the accounts of the last check have this name. */
  hasHad(name: string): boolean {
    return this.#content?.accounts.has(name) ?? false
  }

  /** Its current status. */
  async status(): Promise<HtpasswdStatus> {
    await this.current()
    return this.#status()
  }

  /** Reason why the last {@link current} had no accounts; undefined if it may have some. */
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
    // A file that changed during the reading is left for the next check.
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

  /** The file is unusable: a live one then has no accounts. */
  #lose(problem: string, identity: string): void {
    if (this.#options.isLive) this.#content = undefined
    this.#failure = identity === 'ENOENT' ? 'missing' : 'unreadable'
    this.#refuse(problem, identity)
  }

  /** Keeps the accounts in force; reports it once for each state of the file. */
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
  // One byte more than the size, to find the end; a file that grows meanwhile has another identity afterwards.
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
