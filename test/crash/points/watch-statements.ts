import { DatabaseSync, StatementSync } from 'node:sqlite'
import type { CallWatch } from './call-watch.ts'

let current: CallWatch | undefined
let isInstalled = false
const databaseOf = new WeakMap<StatementSync, { sql: string; location: string }>()

/** Sets the watch of all statements of SQLite databases below its folder; undefined: none. */
export function watchStatements(watch: CallWatch | undefined): void {
  current = watch
  if (isInstalled) return
  isInstalled = true
  const prepare = DatabaseSync.prototype.prepare
  DatabaseSync.prototype.prepare = function (this: DatabaseSync, sql, options) {
    const statement = options === undefined ? prepare.call(this, sql) : prepare.call(this, sql, options)
    databaseOf.set(statement, { sql, location: this.location() ?? '' })
    return statement
  }
  const { close } = DatabaseSync.prototype
  DatabaseSync.prototype.close = function (this: DatabaseSync) {
    const file = this.location() ?? ''
    close.call(this)
    // SQLite writes to its files by itself, and has made them durable when their last connection closes.
    current?.follower?.synced(file)
  }
  const prototype = StatementSync.prototype as unknown as Record<string, (...values: never[]) => unknown>
  for (const name of ['all', 'get', 'run', 'iterate']) {
    const original = prototype[name]
    if (!original) continue
    prototype[name] = function (this: StatementSync, ...values: never[]) {
      enter(this)
      return original.apply(this, values)
    }
  }
}

function enter(statement: StatementSync): void {
  const known = databaseOf.get(statement)
  if (!known || !current || !known.location.startsWith(`${current.folder}/`)) return
  // It comes after a failure, which is what the points are about.
  if (known.sql === 'rollback' && !current.hasEnded) return
  current.enter(known.sql === 'commit' ? 'commit' : 'statement', known.sql.slice(0, 80))
}
