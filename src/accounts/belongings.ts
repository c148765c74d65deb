import type { JoinedTransaction } from '../database/database.ts'

/**
 * Data of accounts that other capabilities keep in the same database. Methods that take a transaction are part of it,
 * so that they count with the change of the account, or not at all.
 */
export interface AccountBelongings {
  /** Ends all log-ins of a name, or those that were made with one secret or trust, by its id. */
  endLogIns(tx: JoinedTransaction, name: string, credential?: string): Promise<void>
  /**
   * Ends the upload sessions of an account, by its id; their bytes are removed with those of other abandoned sessions.
   */
  endUploads(tx: JoinedTransaction, id: string): Promise<void>
  /** Removes the rules about an account and its memberships in groups, by its id. */
  removeRights(tx: JoinedTransaction, id: string): Promise<void>
  /** Repositories below a name, `<name>/**`; without a transaction those that are committed. */
  findRepositories(
    name: string,
    options: { readonly limit: number; readonly tx?: JoinedTransaction | undefined },
  ): Promise<FoundRepositories>
}

/** Number of repositories, and the names of the first of them. */
export interface FoundRepositories {
  readonly count: number
  readonly names: readonly string[]
}

/** Ends and removes what an account has, in the transaction that removes the account. */
export async function removeBelongings(
  tx: JoinedTransaction,
  belongings: Pick<AccountBelongings, 'endLogIns' | 'endUploads' | 'removeRights'>,
  { name, id }: { readonly name: string; readonly id: string },
): Promise<void> {
  await belongings.endLogIns(tx, name)
  await belongings.endUploads(tx, id)
  await belongings.removeRights(tx, id)
}
