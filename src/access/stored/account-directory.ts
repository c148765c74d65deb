import type { JoinedTransaction } from '../../database/database.ts'

/** The accounts of the same database, by which names of a document become ids, and ids names. */
export interface AccountDirectory {
  /** Id of each user and robot by its name with its kind, such as `user:alice`; those of removed accounts are not there. */
  listIds(tx?: JoinedTransaction): Promise<ReadonlyMap<string, string>>
}
