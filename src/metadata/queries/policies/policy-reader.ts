import type { ExpressionBuilder } from 'kysely'
import { OciError } from '../../../oci/errors.ts'
import { NO_POLICIES, type PolicyDocument, parsePolicyDocument } from '../../../policies/policy-document.ts'
import type { MetadataSchema } from '../../schema.ts'
import type { Reads } from '../repositories.ts'

/** The one row. */
export const POLICIES_ID = 1

/** Version and time of the policies; null if none were ever set. */
interface PolicyStamp {
  readonly policy_version: number | null
  readonly policy_time: number | null
}

/** Columns of {@link PolicyStamp}, for a query that reads something else, so that they cost no query of their own. */
export function selectPolicyStamp(eb: ExpressionBuilder<MetadataSchema, never>) {
  const row = eb.selectFrom('policies').where('policies.id', '=', POLICIES_ID)
  return [
    row.select('policies.version').as('policy_version'),
    row.select('policies.changed_at').as('policy_time'),
  ] as const
}

/**
 * Reads the policies within transactions: the document is read and parsed only when its version is not that of the last
 * one. A database put back to an older state may have other policies of the same version, so the time counts, too.
 */
export class PolicyReader {
  #known: { readonly stamp: PolicyStamp; readonly document: PolicyDocument } | undefined

  /** The document of a stamp that was read in the same transaction. */
  async readStamped(tx: Reads, stamp: PolicyStamp): Promise<PolicyDocument> {
    if (stamp.policy_version === null) return NO_POLICIES
    const known = this.#known
    if (
      known?.stamp.policy_version === stamp.policy_version &&
      known.stamp.policy_time === stamp.policy_time
    ) {
      return known.document
    }
    const row = await tx
      .selectFrom('policies')
      .select('document')
      .where('id', '=', POLICIES_ID)
      .executeTakeFirstOrThrow()
    const document = parseStored(row.document)
    this.#known = { stamp, document }
    return document
  }

  /** The document, for a transaction that has no query to read the stamp with. */
  async read(tx: Reads): Promise<PolicyDocument> {
    const row = await tx
      .selectFrom('policies')
      .select(['version as policy_version', 'changed_at as policy_time'])
      .where('id', '=', POLICIES_ID)
      .executeTakeFirst()
    return row ? this.readStamped(tx, row) : NO_POLICIES
  }
}

/** Parses a stored document. What cannot be read is no reason to change a tag that it may protect. */
export function parseStored(text: string): PolicyDocument {
  try {
    return parsePolicyDocument(JSON.parse(text))
  } catch (cause) {
    throw new OciError('UNAVAILABLE', {
      message:
        'The policies of this registry cannot be read: a newer version of Berth has written them, or they were changed by hand',
      cause,
    })
  }
}
