import type { z as Zod } from 'zod'
import { tagPatterns } from './patterns/tag-patterns.ts'
import { type QuotaEntry, quotaEntries } from './quotas.ts'
import { type RetentionAspect, retentionAspect } from './retention/retention-rules.ts'

/**
 * Aspects that a policy can decide for its repositories, as an operator writes them. Each is a line here and in
 * {@link ASPECT_SCHEMAS}, and files of its own with its meaning.
 */
export interface Aspects {
  /** Patterns of tags that never point at another manifest and are never removed; an empty list makes none so. */
  readonly immutable?: readonly string[] | undefined
  /** Which tags are removed, and when: see docs/retention.md. */
  readonly retention?: RetentionAspect | undefined
}

/** Parts of the document beside the policies. */
export interface DocumentParts {
  /** Limits of namespaces: see docs/sizes-and-quotas.md. */
  readonly quotas?: readonly QuotaEntry[] | undefined
}

/** The form of each aspect. */
export const ASPECT_SCHEMAS: {
  readonly [A in keyof Aspects]-?: Zod.ZodType<NonNullable<Aspects[A]>>
} = {
  immutable: tagPatterns,
  retention: retentionAspect,
}

/** The form of each part. */
export const PART_SCHEMAS: {
  readonly [P in keyof DocumentParts]-?: Zod.ZodType<NonNullable<DocumentParts[P]>>
} = {
  quotas: quotaEntries,
}
