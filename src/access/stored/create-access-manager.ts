import type { Transaction } from 'kysely'
import type { Database, Queries } from '../../database/database.ts'
import { recordEvent } from '../../events/record-event.ts'
import { AccessError } from '../access-error.ts'
import { sortDocument } from '../document/access-document.ts'
import type { AccessChange, AccessManager, VersionedAccess } from '../document/access-manager.ts'
import { compareDocuments } from '../document/compare-documents.ts'
import type { AccountDirectory } from './account-directory.ts'
import { STATE_ID } from './create-rule-source.ts'
import type { AccessSchema } from './schema.ts'
import { readRows } from './stored-rows.ts'
import { type NamesById, toDocument } from './to-document.ts'
import { writeDocument } from './write-document.ts'

/** {@link AccessManager} in SQL. */
export function createAccessManager(
  database: Database<AccessSchema>,
  directory: AccountDirectory,
): AccessManager {
  return {
    read: () => database.transaction((tx) => read(tx, directory)),
    readRules: () =>
      database.transaction(async (tx) => {
        const { groupNames, ...rules } = await readRows(tx)
        const groups = [...groupNames].map(([id, name]) => [id, `group:${name}`] as const)
        return { rules, names: new Map([...groups, ...invert(await directory.listIds(tx))]) }
      }),
    async change(edit, { by, expected, isDry = false } = {}) {
      const dry: { result?: AccessChange } = {}
      try {
        return await database.transaction(async (tx) => {
          const { document: before, version } = await read(tx, directory)
          if (expected !== undefined && expected !== version) throw changed(expected, version)
          const after = sortDocument(edit(before))
          if (JSON.stringify(after) === JSON.stringify(before)) return { before, after, version }
          const accounts = await directory.listIds(tx)
          await writeDocument(tx, after, { present: await readRows(tx), accounts })
          if (isDry) {
            dry.result = { before, after, version }
            throw new DryRun()
          }
          const now = database.now()
          await writeState(tx, { version: version + 1, changed_at: now, changed_by: by ?? null })
          const difference = compareDocuments(before, after)
          await recordEvent(tx, { action: 'access.change', who: by, ...difference }, now)
          return { before, after, version: version + 1 }
        })
      } catch (error) {
        if (error instanceof DryRun && dry.result) return dry.result
        throw error
      }
    },
  }
}

/** Undoes a transaction in which everything was checked. */
class DryRun extends Error {}

async function writeState(
  tx: Transaction<AccessSchema>,
  row: { version: number; changed_at: number; changed_by: string | null },
): Promise<void> {
  await tx
    .insertInto('access_state')
    .values({ id: STATE_ID, ...row })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
    .execute()
}

async function read(tx: Transaction<AccessSchema>, directory: AccountDirectory): Promise<VersionedAccess> {
  const state = await (tx as Queries<AccessSchema>)
    .selectFrom('access_state')
    .selectAll()
    .where('id', '=', STATE_ID)
    .executeTakeFirst()
  const document = toDocument(await readRows(tx), invert(await directory.listIds(tx)))
  return {
    document,
    version: state?.version ?? 0,
    changedAt: state ? new Date(state.changed_at) : undefined,
    changedBy: state?.changed_by ?? undefined,
  }
}

function invert(ids: ReadonlyMap<string, string>): NamesById {
  return new Map([...ids].map(([name, id]) => [id, name]))
}

function changed(expected: number, present: number): AccessError {
  return new AccessError(
    'ACCESS_CHANGED',
    `The rules were changed meanwhile: they are of version ${present}, and no longer of version ${expected}`,
    'Run "berth access export" and repeat the change in that file; without its line "version" a file replaces any version',
  )
}
