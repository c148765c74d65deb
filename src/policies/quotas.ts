import type { z as Zod } from 'zod'
import { z } from '../config/values/zod.ts'

/** Most quotas of a document. */
const MAX_QUOTAS = 500
const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
}
const BYTES = /^(\d{1,12})(KiB|MiB|GiB|TiB)?$/

/** A limit for a namespace. That of a user is the namespace of his name. */
export interface QuotaEntry {
  readonly namespace?: string | undefined
  /** Name of an account; `*`: every namespace that no other entry names. */
  readonly user?: string | undefined
  /** As `10GiB`. */
  readonly bytes?: string | undefined
  readonly repositories?: number | undefined
}

/** A limit that applies to a namespace. Undefined: none. */
export interface Quota {
  readonly namespace: string
  readonly bytes: number | undefined
  readonly repositories: number | undefined
}

const name = z
  .string()
  .max(255)
  .regex(/^[a-z0-9]+(?:[._-]+[a-z0-9]+)*$/, 'must be the first segment of a name of repositories')

/** The form of the quotas. */
export const quotaEntries: Zod.ZodType<readonly QuotaEntry[]> = z
  .array(
    z
      .strictObject({
        namespace: name.optional(),
        user: z.union([z.literal('*'), name]).optional(),
        bytes: z
          .union([
            z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).transform(String),
            z.string().regex(BYTES, 'must be a number of bytes, or a whole number with KiB, MiB, GiB or TiB'),
          ])
          .optional(),
        repositories: z.number().int().min(0).max(1_000_000).optional(),
      })
      .refine(
        (entry) => (entry.namespace === undefined) !== (entry.user === undefined),
        'must have either namespace or user',
      )
      .refine(
        (entry) => entry.bytes !== undefined || entry.repositories !== undefined,
        'must have bytes or repositories',
      ),
  )
  .max(MAX_QUOTAS)
  .readonly()

/** The quota of a namespace: that of the first entry that names it, or else of `user: '*'`. */
export function findQuota(
  { quotas = [] }: { readonly quotas?: readonly QuotaEntry[] | undefined },
  namespace: string,
): Quota | undefined {
  const entry =
    quotas.find((one) => one.namespace === namespace || one.user === namespace) ??
    quotas.find((one) => one.user === '*')
  if (!entry) return undefined
  const { bytes, repositories } = entry
  return { namespace, bytes: bytes === undefined ? undefined : parseBytes(bytes), repositories }
}

function parseBytes(text: string): number {
  const [, number = '0', unit = ''] = BYTES.exec(text) ?? []
  return Number(number) * (UNITS[unit] ?? 1)
}
