import type { Database } from '../../database/database.ts'
import { recordEvent } from '../../events/record-event.ts'
import type { MetadataSchema } from '../schema.ts'
import { createReadOnlyError, type Switch, type SwitchFacts, type SwitchName } from '../switch-facts.ts'
import type { Writes } from './repositories.ts'

/** {@link SwitchFacts} in SQL. */
export function createSwitchFacts(database: Database<MetadataSchema>, clock: () => number): SwitchFacts {
  const find = createFindSwitch(database)
  return {
    findSwitch: async (name) => toSwitch(await find(name), clock()),
    turnOn: async (name, { by, reason, forMs }) => {
      const since = clock()
      const until = forMs === undefined ? null : since + forMs
      const row = { since, until, set_by: by ?? null, reason: reason ?? null }
      await database.transaction(
        async (tx) => {
          await tx
            .insertInto('switches')
            .values({ name, ...row })
            .onConflict((conflict) => conflict.column('name').doUpdateSet(row))
            .execute()
          if (name === 'read-only') await recordEvent(tx, { action: 'read-only.on', who: by, reason }, since)
        },
        { table: 'switches', isAlone: true },
      )
      return { since: new Date(since), by, reason, until: until === null ? undefined : new Date(until) }
    },
    turnOff: async (name, by) =>
      database.transaction(async (tx) => {
        const ended = await tx
          .deleteFrom('switches')
          .where('name', '=', name)
          .returning('until')
          .executeTakeFirst()
        const now = clock()
        const wasOn = ended !== undefined && (ended.until === null || ended.until > now)
        if (wasOn && name === 'read-only') await recordEvent(tx, { action: 'read-only.off', who: by }, now)
        return wasOn
      }),
  }
}

/**
 * The same database, whose transactions are refused while the registry is read-only: decided inside of each. Errors of a
 * transaction: `OciError` `UNSUPPORTED` then.
 */
export function refuseWhileReadOnly(
  database: Database<MetadataSchema>,
  clock: () => number,
): Database<MetadataSchema> {
  return {
    ...database,
    transaction: (work) =>
      database.transaction(async (tx) => {
        const readOnly = await readSwitch(tx, 'read-only', clock())
        if (readOnly) throw createReadOnlyError(readOnly)
        return work(tx)
      }, SEEING_SWITCHES),
  }
}

/** For a transaction that obeys switches: none of them is turned on between its begin and its end. */
export const SEEING_SWITCHES = { table: 'switches', isAlone: false } as const

/** The switch as it is for a transaction with {@link SEEING_SWITCHES}; undefined: it is off. */
export async function readSwitch(tx: Writes, name: SwitchName, now: number): Promise<Switch | undefined> {
  const row = await tx.selectFrom('switches').select(COLUMNS).where('name', '=', name).executeTakeFirst()
  return toSwitch(row, now)
}

const COLUMNS = ['since', 'until', 'set_by', 'reason'] as const

interface SwitchColumns {
  readonly since: number
  readonly until: number | null
  readonly set_by: string | null
  readonly reason: string | null
}

/** Remembered until anything changes: it is read with every request that changes something. */
function createFindSwitch({ read, prepareFirst }: Database<MetadataSchema>) {
  return prepareFirst(read.selectFrom('switches').select(COLUMNS).where('name', '=', 'read-only').compile(), {
    remembersAbsence: true,
  })
}

function toSwitch(row: SwitchColumns | undefined, now: number): Switch | undefined {
  if (!row || (row.until !== null && row.until <= now)) return undefined
  return {
    since: new Date(row.since),
    by: row.set_by ?? undefined,
    reason: row.reason ?? undefined,
    until: row.until === null ? undefined : new Date(row.until),
  }
}
