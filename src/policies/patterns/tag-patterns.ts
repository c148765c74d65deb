import type { z as Zod } from 'zod'
import { z } from '../../config/values/zod.ts'
import { MAX_PATTERNS } from './repository-pattern.ts'
import { matchesStars } from './star-pattern.ts'

/** Longest pattern, in characters: a tag has 128 at most. */
const MAX_LENGTH = 129

/** A list of patterns of tags: those with `!` in front take out again what the others name, in whatever order. An empty one names none. */
export const tagPatterns: Zod.ZodType<readonly string[]> = z
  .array(
    z
      .string()
      .max(MAX_LENGTH)
      .regex(
        /^!?[a-zA-Z0-9_*][a-zA-Z0-9._*-]*$/,
        'must be a tag in which * stands for any characters, with ! in front if it takes tags out again',
      ),
  )
  .max(MAX_PATTERNS)
  .refine(
    (patterns) => patterns.length === 0 || patterns.some((pattern) => !pattern.startsWith('!')),
    "only takes tags out: put '*' before to begin with all",
  )
  .readonly()

/** The first pattern that names a tag, unless another one of the list takes it out; undefined if so, or if none does. */
export function findTagPattern(patterns: readonly string[], tag: string): string | undefined {
  const isTakenOut = patterns.some(
    (pattern) => pattern.startsWith('!') && matchesStars(pattern.slice(1), tag),
  )
  if (isTakenOut) return undefined
  return patterns.find((pattern) => !pattern.startsWith('!') && matchesStars(pattern, tag))
}
