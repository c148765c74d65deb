import type { Database } from '../../database/database.ts'
import type { EventsSchema } from '../schema.ts'
import { hashRow, toColumns } from './chain.ts'
import { readHead } from './seal-events.ts'

/** Rows read at once. */
const PAGE = 1_000

/** The first place where the audit log is not as it was written. */
interface BrokenLink {
  readonly position: number
  readonly kind: 'missing' | 'changed' | 'columns-changed' | 'end-changed' | 'expected-differs'
}

/** Result of a verification. */
export interface VerifiedLog {
  /** Undefined: the chain is whole. */
  readonly broken: BrokenLink | undefined
  readonly checked: number
  /** Position after which the chain begins: what was before was removed by age or size. */
  readonly anchor: number
  /** The newest event, to be kept elsewhere: whoever can write to the database can make a whole chain anew. */
  readonly end: { readonly position: number; readonly hash: string }
}

/** Recomputes the chain of the audit log. `expected`: a link that was kept elsewhere. */
export async function verifyLog(
  database: Pick<Database<EventsSchema>, 'readLong'>,
  expected?: { readonly position: number; readonly hash: string },
): Promise<VerifiedLog> {
  const { readLong: read } = database
  const head = await readHead(read)
  const anchor = head.anchor_position
  let before = { position: anchor, hash: head.anchor_hash }
  const result = (broken: BrokenLink['kind'] | undefined): VerifiedLog => ({
    broken: broken === undefined ? undefined : { position: before.position + 1, kind: broken },
    checked: before.position - anchor,
    anchor,
    end: { position: head.position, hash: head.hash },
  })
  const differs = (link: typeof before): boolean =>
    expected !== undefined && expected.position === link.position && expected.hash !== link.hash
  // A server may have removed old events meanwhile: then the chain begins later.
  const missing = async (): Promise<VerifiedLog> =>
    (await readHead(read)).anchor_position > anchor ? verifyLog(database, expected) : result('missing')
  if (differs(before)) return result('expected-differs')
  while (before.position < head.position) {
    const rows = await read
      .selectFrom('audit_log')
      .selectAll()
      .where('position', '>', before.position)
      .where('position', '<=', head.position)
      .orderBy('position')
      .limit(PAGE)
      .execute()
    if (rows.length === 0) return missing()
    for (const row of rows) {
      if (row.position !== before.position + 1) return missing()
      if (hashRow(before.hash, row) !== row.hash) return result('changed')
      if (!hasItsColumns(row)) return result('columns-changed')
      if (differs(row)) return result('expected-differs')
      before = { position: row.position, hash: row.hash }
    }
  }
  if (before.hash !== head.hash || (await hasRowsBeyondEnd(read))) return result('end-changed')
  // A log that was cut at its end and sealed anew is shorter than the one that was kept.
  if (expected && expected.position > head.position) return result('expected-differs')
  return result(undefined)
}

/** True if rows follow the recorded end, as after the row that records it was removed. */
async function hasRowsBeyondEnd(
  read: Pick<Database<EventsSchema>['readLong'], 'selectFrom'>,
): Promise<boolean> {
  const newest = await read
    .selectFrom('audit_log')
    .select('position')
    .orderBy('position', 'desc')
    .limit(1)
    .executeTakeFirst()
  // The end is read last: it may grow between the two.
  return newest !== undefined && newest.position > (await readHead(read)).position
}

function hasItsColumns(row: EventsSchema['audit_log']): boolean {
  const made = toColumns(row.body)
  return (Object.keys(made) as (keyof typeof made)[]).every((name) => made[name] === row[name])
}
