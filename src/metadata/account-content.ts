import type { Database, JoinedTransaction } from '../database/database.ts'
import { holdsContent, type Reads } from './queries/repositories.ts'
import type { MetadataSchema } from './schema.ts'

/** Tables for `withTables()`, whose types accept no interface as it is. */
type Tables = { [T in keyof MetadataSchema]: MetadataSchema[T] }

/** Makes the content's part of an account's belongings; its caller begins the transactions. */
export function createAccountContent({ read }: Database<MetadataSchema>) {
  return {
    /** Ends the upload sessions of an account. */
    async endUploads(tx: JoinedTransaction, id: string): Promise<void> {
      await tx.withTables<Tables>().deleteFrom('uploads').where('principal', '=', id).execute()
    },
    /** Counts the repositories below a name, `<name>/**`, and names the first of them. */
    findRepositories: (
      name: string,
      { limit, tx }: { limit: number; tx?: JoinedTransaction | undefined },
    ): Promise<{ count: number; names: string[] }> =>
      findRepositories(tx ? tx.withTables<Tables>() : read, name, limit),
  }
}

async function findRepositories(
  db: Reads,
  name: string,
  limit: number,
): Promise<{ count: number; names: string[] }> {
  const { count } = await below(db, name)
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  if (limit === 0) return { count: Number(count), names: [] }
  const rows = await below(db, name).select('name').orderBy('name').limit(limit).execute()
  return { count: Number(count), names: rows.map((row) => row.name) }
}

/** The slash is followed by the zero: names are compared by their bytes. */
function below(db: Reads, name: string) {
  return db
    .selectFrom('repositories')
    .where('name', '>', `${name}/`)
    .where('name', '<', `${name}0`)
    .where(holdsContent)
}
