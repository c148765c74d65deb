import type { JoinedTransaction } from '../database/database.ts'

/**
 * What accounts have that other capabilities keep in the same database. Whatever takes a transaction is part of it, so
 * that it counts with the change of the account, or not at all.
 */
export interface AccountBelongings {
  /** Ends all log-ins of a name. */
  endLogIns(tx: JoinedTransaction, name: string): Promise<void>
  /** Ends the upload sessions of an account, by its id; what they hold is removed with what else is abandoned. */
  endUploads(tx: JoinedTransaction, id: string): Promise<void>
  /** Repositories below a name, `<name>/**`; without a transaction those that are committed. */
  findRepositories(
    name: string,
    options: { readonly limit: number; readonly tx?: JoinedTransaction | undefined },
  ): Promise<FoundRepositories>
}

/** How many repositories there are, and the names of the first of them. */
export interface FoundRepositories {
  readonly count: number
  readonly names: readonly string[]
}
