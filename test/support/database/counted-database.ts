import type { Database } from '../../../src/database/database.ts'

/** A database whose queries are counted, each by the table that it begins with. */
interface CountedDatabase<S> {
  readonly database: Database<S>
  /** Counts since the last call; a transaction counts once, as `transaction`. */
  take(): Record<string, number>
}

/** Counts the queries that go to a database. What the adapter answers from memory counts, too: another engine might not. */
export function countQueries<S>(database: Database<S>): CountedDatabase<S> {
  let counts: Record<string, number> = {}
  const count = (name: string): void => {
    counts[name] = (counts[name] ?? 0) + 1
  }
  const read = new Proxy(database.read, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name)
      if (name !== 'selectFrom' || typeof member !== 'function') return member
      return (...args: unknown[]): unknown => {
        count(String(args[0]))
        return Reflect.apply(member, target, args)
      }
    },
  })
  return {
    database: {
      ...database,
      read,
      transaction(work, turn) {
        count('transaction')
        return database.transaction(work, turn)
      },
      prepareFirst(query, memory) {
        const [, table = query.sql] = /from "(\w+)"/.exec(query.sql) ?? []
        const run = database.prepareFirst(query, memory)
        return (...parameters) => {
          count(table)
          return run(...parameters)
        }
      },
    },
    take() {
      const taken = counts
      counts = {}
      return taken
    },
  }
}
