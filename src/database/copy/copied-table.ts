/** Tables by name, their rows as they are stored: a copy knows no table by its meaning. */
export type AnyTables = Record<string, Record<string, unknown>>

/** A row as it is stored. */
export type StoredRow = Readonly<Record<string, unknown>>

/** A table of the facts, and the order of its rows. */
export interface CopiedTable {
  readonly name: string
  /** Columns of the primary key, in its order: numbers and texts, both ordered alike by all engines. */
  readonly key: readonly string[]
  /** Column with about the bytes of a row, for tables with large rows. */
  readonly weight?: string
  /** Its key is a number that the engine gives, each once only. */
  readonly hasIdentity?: true
}
