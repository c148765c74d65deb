import type { Database } from '../../../database/database.ts'
import { kysely } from '../../../database/kysely.ts'
import { recordEvent } from '../../../events/record-event.ts'
import { NO_POLICIES, type PolicyDocument } from '../../../policies/policy-document.ts'
import type { PolicyFacts } from '../../policy-facts.ts'
import type { MetadataSchema } from '../../schema.ts'
import { POLICIES_ID, parseStored } from './policy-reader.ts'

/** {@link PolicyFacts} in SQL. The document is parsed again only when its text has changed. */
export function createPolicyFacts(
  { read, transaction, prepareFirst }: Database<MetadataSchema>,
  clock: () => number,
): PolicyFacts {
  const find = prepareFirst(
    read
      .selectFrom('policies')
      .select(['version', 'changed_at', 'changed_by', 'document'])
      .where('id', '=', kysely.sql.lit(POLICIES_ID))
      .compile(),
    { remembersAbsence: true },
  )
  let known: { readonly text: string; readonly document: PolicyDocument } | undefined
  return {
    async readPolicies() {
      const row = await find()
      if (row && row.document !== known?.text)
        known = { text: row.document, document: parseStored(row.document) }
      if (!row || !known)
        return { version: 0, document: NO_POLICIES, changedAt: undefined, changedBy: undefined }
      return {
        version: row.version,
        document: known.document,
        changedAt: new Date(row.changed_at),
        changedBy: row.changed_by ?? undefined,
      }
    },
    replacePolicies: (document, { expected, by }) =>
      transaction(async (tx) => {
        const present = await tx
          .selectFrom('policies')
          .select(['version', 'document'])
          .where('id', '=', POLICIES_ID)
          .executeTakeFirst()
        if ((present?.version ?? 0) !== expected) return undefined
        const now = clock()
        const row = {
          version: expected + 1,
          changed_at: now,
          changed_by: by ?? null,
          document: JSON.stringify(document),
        }
        await tx
          .insertInto('policies')
          .values({ id: POLICIES_ID, ...row })
          .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
          .execute()
        const before: unknown = present ? JSON.parse(present.document) : NO_POLICIES
        await recordEvent(tx, { action: 'policy.change', who: by, before, after: document }, now)
        return row.version
      }),
  }
}
