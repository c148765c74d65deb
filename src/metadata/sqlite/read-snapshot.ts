import type { DatabaseSync, StatementSync } from 'node:sqlite'

/**
 * Lets all reads of one turn of the event loop share one read transaction.
 *
 * A read by itself takes and drops a file lock, which costs more than the read. The transaction ends with the turn, so
 * what other processes commit is seen in the next one; what this process commits ends it at once, so that whoever was
 * answered 201 finds what was pushed.
 */
export class ReadSnapshot {
  #db: DatabaseSync | undefined
  #begin: StatementSync | undefined
  #commit: StatementSync | undefined
  #isOpen = false

  attach(db: DatabaseSync): void {
    this.#db = db
    this.#begin = db.prepare('begin')
    this.#commit = db.prepare('commit')
  }

  /** Before each read. */
  open(): void {
    if (this.#isOpen) return
    this.#begin?.run()
    this.#isOpen = true
    setImmediate(this.end)
  }

  /** After each write of this process, and with the turn. */
  readonly end = (): void => {
    if (!this.#isOpen) return
    this.#isOpen = false
    // An error inside the transaction may have ended it already.
    if (this.#db?.isOpen && this.#db.isTransaction) this.#commit?.run()
  }
}
