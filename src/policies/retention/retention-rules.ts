import type { z as Zod } from 'zod'
import { z } from '../../config/values/zod.ts'
import { tagPatterns } from '../patterns/tag-patterns.ts'
import { parseDuration } from './duration.ts'
import { compileTagRegex } from './tag-regex.ts'

/** Rules of one policy: each tag is compared with all of them until one matches. */
const MAX_RULES = 100
/** Images or versions that one rule keeps by their order: they are held in memory, some 200 bytes each. */
const MAX_NEWEST = 10_000

/** Conditions of a rule: a tag stays if any of them holds. */
export interface KeepTerms {
  /** The newest images, in the order of `by`. */
  readonly newest?: number | undefined
  /** Default: push. */
  readonly by?: 'push' | 'pull' | undefined
  /** Images pushed within a time, such as `7d`. */
  readonly 'pushed-within'?: string | undefined
  /** Images pulled, or else pushed, within a time. */
  readonly 'pulled-within'?: string | undefined
  /** The highest versions, of each variant such as `-alpine`. */
  readonly versions?: number | undefined
  /** The highest patch releases of each minor version. */
  readonly patches?: number | undefined
  /** Pre-releases stay until their release is there (default), go, or count as versions. */
  readonly 'pre-releases'?: 'until-release' | 'drop' | 'count' | undefined
}

/** Decides about the tags that it matches, unless a rule before it does. */
export interface RetentionRule {
  readonly tags?: readonly string[] | undefined
  /** In place of `tags`: a regular expression for the whole tag. */
  readonly regex?: string | undefined
  readonly keep: 'all' | 'none' | KeepTerms
}

/** Retention of the repositories of one policy. */
export interface RetentionAspect {
  /** In order: the first one that matches a tag decides about it; a tag that none matches stays. */
  readonly rules: readonly RetentionRule[]
  /** False: labels of images such as `berth.expires-after` do not count. */
  readonly labels?: boolean | undefined
  /** Time after its last use at which an image without a tag is removed, if it is shorter than `keep-days`. */
  readonly 'untagged-after'?: string | undefined
}

const DURATION_FAULT = 'must be a time such as 12h, 3d or 2w'

const duration: Zod.ZodType<string> = z
  .string(DURATION_FAULT)
  .refine((text) => parseDuration(text) !== undefined, DURATION_FAULT)

const count: Zod.ZodType<number> = z
  .int()
  .min(1, 'must be 1 or more; write keep: none to remove all tags of the rule, or keep: all to keep them')
  .max(MAX_NEWEST)

const keepTerms: Zod.ZodType<KeepTerms> = z
  .strictObject({
    newest: count.optional(),
    by: z.enum(['push', 'pull']).optional(),
    'pushed-within': duration.optional(),
    'pulled-within': duration.optional(),
    versions: count.optional(),
    patches: count.optional(),
    'pre-releases': z.enum(['until-release', 'drop', 'count']).optional(),
  })
  .refine(
    (keep) =>
      [keep.newest, keep['pushed-within'], keep['pulled-within'], keep.versions, keep.patches].some(
        (term) => term !== undefined,
      ),
    'must say what stays: newest, pushed-within, pulled-within, versions or patches',
  )
  .refine(
    (keep) => keep.by === undefined || keep.newest !== undefined,
    'has "by", which only counts with "newest"',
  )
  .refine(
    (keep) => keep['pre-releases'] === undefined || isOfVersions(keep),
    'has "pre-releases", which only counts with "versions" or "patches"',
  )

/** A text, so that the fault of terms is reported as theirs. */
const keepWord: Zod.ZodType<'all' | 'none'> = z
  .string()
  .refine(
    (text) => text === 'all' || text === 'none',
    'must be all, none, or terms such as {newest: 10}',
  ) as never

const rule: Zod.ZodType<RetentionRule> = z
  .strictObject({
    tags: tagPatterns.optional(),
    regex: z
      .string()
      .refine(
        (text) => compileTagRegex(text) !== undefined,
        'must be a regular expression of RE2 for the whole tag, at most 200 characters of ASCII',
      )
      .optional(),
    keep: z.union([keepTerms, keepWord]),
  })
  .refine(
    ({ tags, regex }) => (tags === undefined) !== (regex === undefined),
    'must have either tags or regex',
  )

/** The form of the aspect `retention`. */
export const retentionAspect: Zod.ZodType<RetentionAspect> = z.strictObject({
  rules: z.array(rule).max(MAX_RULES).readonly().default([]),
  labels: z.boolean().optional(),
  'untagged-after': duration.optional(),
})

/** True if the terms speak of versions: then a rule matches only tags that are versions. */
export function isOfVersions({ versions, patches }: KeepTerms): boolean {
  return versions !== undefined || patches !== undefined
}

/** A rule in a few words, such as `ci-*: newest 10`, for reasons and the history of tags. */
export function describeRule({ tags, regex, keep }: RetentionRule): string {
  const what = tags === undefined ? `/${regex}/` : tags.join(' ')
  return `${what}: ${describeKeep(keep)}`
}

function describeKeep(keep: RetentionRule['keep']): string {
  if (typeof keep === 'string') return `keep ${keep}`
  const { newest, by, versions, patches } = keep
  const terms = [
    newest === undefined ? '' : `newest ${newest}${by === 'pull' ? ' by pull' : ''}`,
    versions === undefined ? '' : `${versions} versions`,
    patches === undefined ? '' : `${patches} patches`,
    keep['pushed-within'] === undefined ? '' : `pushed within ${keep['pushed-within']}`,
    keep['pulled-within'] === undefined ? '' : `pulled within ${keep['pulled-within']}`,
  ]
  return terms.filter(Boolean).join(', ')
}
