import type { ColumnDataType, ColumnDefinitionBuilder, CreateTableBuilder, Kysely, RawBuilder } from 'kysely'

/** A type of a column, as `addColumn()` of Kysely takes it. */
type ColumnType = ColumnDataType | RawBuilder<unknown>

/** An engine's SQL for the parts of tables. Each adapter has one. */
export interface ColumnTypes {
  /** Whole number of 64 bits, read as a number: times in milliseconds, sizes in bytes, versions, flags of 0 and 1. */
  readonly integer: ColumnType
  /** Text that is compared and ordered by its bytes. */
  readonly text: ColumnType
  /** Bytes, read as a `Uint8Array`. */
  readonly bytes: ColumnType
  /** Makes an integer column the primary key whose values the engine gives, each only once, also after deletes. */
  readonly identity: (column: ColumnDefinitionBuilder) => ColumnDefinitionBuilder
  /** Stores the rows of a table with small ones in the order of its primary key, if the engine can. */
  readonly byPrimaryKey: <T extends string, C extends string>(
    table: CreateTableBuilder<T, C>,
  ) => CreateTableBuilder<T, C>
  /** True if transactions run one after the other, so that a row which many of them change makes none of them wait. */
  readonly hasOneWriter: boolean
  /** Makes a trigger. */
  readonly createTrigger: (db: SchemaChange, trigger: RowTrigger) => Promise<void>
}

/**
 * Statements that run after each row that is inserted into a table, deleted from it, or given a value in a column, in the same transaction. An
 * engine may first change all rows of a statement, and then run them for each.
 */
interface RowTrigger {
  readonly name: string
  readonly table: string
  readonly event: 'insert' | 'delete' | `update of ${string}`
  /** SQL that all engines have; the row's columns are `new.x` after the event, `old.x` before it. */
  readonly statements: readonly string[]
}

/** A transaction that changes tables; `sql` of Kysely is executed on it, too. */
export type SchemaChange = Pick<Kysely<unknown>, 'schema' | 'getExecutor'>

/**
 * One step of a schema, run once in each database, within a transaction. Forward only; a released one is never changed.
 * Its SQL works on all engines; parts that they write differently come from `types`.
 */
export type Migration = (db: SchemaChange, types: ColumnTypes) => Promise<void>

/** An update of the schema that begins, as counts of migrations: those that the database has, and all. */
export interface SchemaUpdate {
  readonly from: number
  readonly to: number
}

/** The migrations of one capability, which owns the tables that they make. */
export interface MigrationSet {
  /** Begins the names under which they are recorded: `accounts/001-users`. */
  readonly capability: string
  /** By name, in order. */
  readonly migrations: Readonly<Record<string, Migration>>
  /** Recorded names, by those of `migrations`, that stand for them in databases of before capabilities had their own. */
  readonly formerNames?: Readonly<Record<string, string>>
}
