/** Kinds of numbered calls. */
export type CallKind = 'read' | 'write' | 'sync' | 'name' | 'statement' | 'commit' | 'query'

/** A numbered call of an operation. */
export interface Call {
  readonly kind: CallKind
  /** Its function, and the end of its path or the begin of its statement. */
  readonly name: string
}

/** What becomes of files that were changed and not synced when a process ends. */
export type UnsyncedWrites =
  /** All are kept: the process was killed, and the system goes on. */
  | 'kept'
  /** All are undone, those of names, too: the power was cut. */
  | 'lost'
  /** Names are kept, and files have the bytes of their last sync: the power was cut, and the journal holds names only. */
  | 'names-kept'
  /** A part of them is kept, in the order in which they were made. */
  | 'some'

/** What happens at a numbered call, the first being 1. */
export type Fault =
  /** The process ends before the call; one call after the last: after its answer. */
  | { readonly at: number; readonly how: 'end'; readonly unsynced: UnsyncedWrites }
  /** The process ends in the middle of the call, which writes half of its bytes. */
  | { readonly at: number; readonly how: 'end-half-way'; readonly unsynced: UnsyncedWrites }
  /** The call fails, once. */
  | { readonly at: number; readonly how: 'fail'; readonly code: string }
  /** The connection is lost before the server has the query, or after it has carried it out. */
  | { readonly at: number; readonly how: 'cut' | 'cut-after' }
  /** The call writes half of its bytes, and succeeds. */
  | { readonly at: number; readonly how: 'short' }

/** Thrown by every call of a process that has ended. */
class EndedError extends Error {
  override readonly name = 'EndedError'
}

/** Follows the changes of files, to undo those that were not synced. */
export interface ChangeFollower {
  opened(path: string, flags: string): void
  wrote(path: string, range: { start: number; end: number }): void
  synced(path: string): void
  /** Everything below a folder was synced. */
  syncedBelow(folder: string): void
  syncFailed(path: string): void
  madeFolder(path: string): void
  madeLink(path: string, target: string): void
  removed(path: string): void
  moved(from: string, to: string): void
}

/**
 * Numbers the calls that one operation makes to the file system below a folder and to the database there, and lets one
 * of them fail or be the last.
 */
export class CallWatch {
  readonly folder: string
  readonly calls: Call[] = []
  readonly follower: ChangeFollower | undefined
  readonly #fault: Fault | undefined
  #isNumbering = false
  #hasEnded = false
  #isMet = false

  constructor(folder: string, fault?: Fault, follower?: ChangeFollower) {
    this.folder = folder
    this.#fault = fault
    this.follower = follower
  }

  /** True if the process has ended. */
  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** True if the fault has happened. */
  get isMet(): boolean {
    return this.#isMet
  }

  start(): void {
    this.#isNumbering = true
  }

  /** Ends the numbering; if the fault is to come after the last call, the process ends. */
  stop(): void {
    this.#isNumbering = false
    const fault = this.#fault
    if (fault?.how === 'end' && fault.at === this.calls.length + 1) this.#end()
  }

  /**
   * Called before a call. Returns how it is made: as it is, with half of its bytes, as the last one of the process with
   * half of its bytes, or with its connection cut. Errors: the one of the fault; `EndedError`.
   */
  enter(kind: CallKind, name: string): 'whole' | 'short' | 'last' | 'cut' | 'cut-after' {
    if (this.#hasEnded) throw new EndedError('the process has ended')
    if (!this.#isNumbering) return 'whole'
    const number = this.calls.push({ kind, name })
    const fault = this.#fault
    if (fault?.at !== number) return 'whole'
    this.#isMet = true
    switch (fault.how) {
      case 'end':
        this.#end()
        throw new EndedError('the process has ended')
      case 'end-half-way':
        return 'last'
      case 'short':
      case 'cut':
      case 'cut-after':
        return fault.how
      case 'fail':
        throw toError(kind, fault.code, name)
    }
  }

  /** Ends the process after a call that was its last. */
  endNow(): never {
    this.#end()
    throw new EndedError('the process has ended')
  }

  #end(): void {
    this.#hasEnded = true
    this.#isMet = true
  }
}

/** Result codes of SQLite (sqlite.org/rescode.html), and the errors of the system that lead to them. */
const SQLITE_CODES: Readonly<Record<string, number>> = {
  SQLITE_BUSY: 5,
  SQLITE_IOERR: 10,
  SQLITE_FULL: 13,
  EIO: 10,
  ENOSPC: 13,
}

/** The error as SQLite or the system makes it. */
function toError(kind: CallKind, code: string, syscall: string): Error {
  const isDatabase = kind === 'statement' || kind === 'commit'
  if (isDatabase) {
    const errcode = SQLITE_CODES[code]
    return Object.assign(new Error(`${code}: injected`), { code: 'ERR_SQLITE_ERROR', errcode })
  }
  const system = code.startsWith('SQLITE_') ? 'EIO' : code
  return Object.assign(new Error(`${system}: injected, ${syscall}`), { code: system, syscall, errno: -1 })
}
