import type { CompiledQuery, DatabaseConnection, QueryResult } from 'kysely'
import type { QueryResult as PgResult, PoolClient } from 'pg'
import { isLost, isReadOnly, toPostgresFault, unavailable } from './postgres-fault.ts'

/**
 * Longest wait for the answer to one query, in ms, if the server has not ended it before: then the connection is
 * closed.
 */
const QUERY_TIMEOUT_MS = 40_000
/** Commands that change rows, if they report some. */
const ROW_COMMANDS: ReadonlySet<string> = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE'])

/** A connection while it is taken from the pool. */
export class PostgresConnection implements DatabaseConnection {
  readonly #client: PoolClient
  #timeoutMs = QUERY_TIMEOUT_MS
  #isBroken = false
  #hasChanged = false
  /** The first error inside the transaction: the server runs nothing in it any more. */
  #failure: unknown

  constructor(client: PoolClient) {
    this.#client = client
  }

  /** True if the transaction has changed anything so far. */
  get hasChanged(): boolean {
    return this.#hasChanged
  }

  async executeQuery<R>({
    sql,
    parameters,
  }: Pick<CompiledQuery, 'sql' | 'parameters'>): Promise<QueryResult<R>> {
    try {
      const { command, rowCount, rows } = await this.#send(sql, parameters)
      const isRowCommand = ROW_COMMANDS.has(command)
      // Commands that count no rows change the schema, or nothing.
      if (isRowCommand ? rowCount !== 0 : command !== 'SELECT') this.#hasChanged = true
      return isRowCommand ? { rows, numAffectedRows: BigInt(rowCount ?? 0) } : { rows }
    } catch (error) {
      throw this.#translate(error)
    }
  }

  // biome-ignore lint/correctness/useYield: Kysely's interface has an async generator here, and this one only throws
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('Queries are paged here, not streamed')
  }

  /** `isEndless`: its queries may take as long as they need, as those that change a large table. */
  async begin(statements: string, { isEndless = false } = {}): Promise<void> {
    if (isEndless) this.#timeoutMs = 0
    this.#hasChanged = false
    this.#failure = undefined
    await this.#send(statements).catch((error: unknown) => {
      throw this.#translate(error)
    })
  }

  /**
   * Ends the transaction, the last statement being `commit`.
   *
   * If the connection is lost meanwhile, the server may have committed or not. It is reported as a failure that is not
   * a conflict, so that it does not count as done, and the transaction is not run again here: its changes would count
   * twice, or it would refuse its own work as another's ("the name is taken"). The client checks again; a repeated push
   * finds the stored content.
   */
  async commit(statements: string): Promise<void> {
    // Work that goes on after one of its queries has failed.
    if (this.#failure !== undefined) throw this.#failure
    try {
      const { command } = await this.#send(statements)
      if (command === 'COMMIT') return
    } catch (error) {
      if (isLost(error)) {
        throw unavailable(
          'The connection to the database of this registry was lost: it is not known whether the change was made',
          error,
        )
      }
      throw this.#translate(error)
    }
    throw new Error('The server has rolled the transaction back')
  }

  /** Ends the transaction without a trace. If that fails the connection is closed, which ends the transaction. */
  async rollback(): Promise<void> {
    if (this.#isBroken || this.#client.getTransactionStatus() === 'I') return
    await this.#send('rollback').catch(() => {
      this.#isBroken = true
    })
  }

  /** Returns the connection; one that is broken, or inside a transaction, is closed. */
  release(): void {
    this.#client.release(this.#isBroken || this.#client.getTransactionStatus() !== 'I')
  }

  /** The result of the last statement. */
  async #send(text: string, parameters: readonly unknown[] = []): Promise<PgResult> {
    try {
      const query = { text, values: [...parameters], query_timeout: this.#timeoutMs }
      const result: PgResult | PgResult[] = await this.#client.query(query)
      return Array.isArray(result) ? (result.at(-1) as PgResult) : result
    } catch (error) {
      if (isLost(error) || isReadOnly(error)) this.#isBroken = true
      throw error
    }
  }

  #translate(error: unknown): unknown {
    const translated = toPostgresFault(error)
    this.#failure ??= translated
    return translated
  }
}
