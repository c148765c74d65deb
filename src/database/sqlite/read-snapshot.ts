import type { DatabaseSync, StatementSync } from 'node:sqlite'

/**
 * Lets all reads of one turn of the event loop share one read transaction.
 *
 * A read by itself takes and drops a file lock, which costs more than the read. The transaction ends with the turn, so
 * that the next one sees commits of other processes; a commit of this process ends it at once, so that a client that
 * got 201 finds its push.
 *
 * SQLite shows by a number if any other connection, of this process or another, has committed since the last
 * transaction (sqlite.org/pragma.html#pragma_data_version); if so, remembered rows are forgotten.
 */
export class ReadSnapshot {
  readonly #forget: () => void
  readonly #check: () => void
  #db: DatabaseSync | undefined
  #version: StatementSync | undefined
  #lastVersion: unknown
  #begin: StatementSync | undefined
  #commit: StatementSync | undefined
  #isOpen = false

  /**
   * `forget` is called within a new transaction, before its first read, if the database has changed. `check` is called
   * before each of them, and throws if nothing may be read.
   */
  constructor(forget: () => void, check: () => void = () => {}) {
    this.#forget = forget
    this.#check = check
  }

  attach(db: DatabaseSync): void {
    this.#db = db
    this.#begin = db.prepare('begin')
    this.#commit = db.prepare('commit')
    this.#version = db.prepare('pragma data_version')
  }

  /** Before each read. */
  open(): void {
    if (this.#isOpen) return
    this.#check()
    this.#begin?.run()
    this.#isOpen = true
    setImmediate(this.end)
    const version = this.#readVersion()
    if (version === this.#lastVersion) return
    this.#lastVersion = version
    this.#forget()
  }

  /** An unknown version makes all remembered rows invalid. */
  #readVersion(): unknown {
    try {
      return this.#version?.get()?.data_version
    } catch (error) {
      this.#lastVersion = undefined
      this.#forget()
      this.end()
      throw error
    }
  }

  /** After each write of this process, and with the turn. */
  readonly end = (): void => {
    if (!this.#isOpen) return
    this.#isOpen = false
    // An error inside the transaction may have ended it already.
    if (this.#db?.isOpen && this.#db.isTransaction) this.#finish(this.#db)
  }

  /** Nothing was written, so that an error of the end is harmless: readers got that of the read. */
  #finish(db: DatabaseSync): void {
    try {
      this.#commit?.run()
    } catch {
      // SQLite repeats the error of a damaged database at the commit. Rows read before are unreliable.
      this.#lastVersion = undefined
      this.#forget()
      if (db.isTransaction) db.exec('rollback')
    }
  }
}
