import type { z as Zod } from 'zod'
import { z } from '../../config/values/zod.ts'
import { MAX_REPOSITORY_NAME_LENGTH } from '../../oci/repository-name.ts'
import { matchesStars } from './star-pattern.ts'

/** Patterns of one list: each is compared with the name of a repository at each push. */
export const MAX_PATTERNS = 100

/** Segments of lower-case names and stars. */
const FORM = /^[a-z0-9._*-]+(?:\/[a-z0-9._*-]+)*$/
/** Two stars stand for several segments: only at the end, and as a whole segment. */
const MISPLACED_STARS = /\*\*(?!$)|[^/]\*\*/

/** A list of patterns of repositories, as a policy has it. */
export const repositoryPatterns: Zod.ZodType<readonly string[]> = z
  .array(
    z
      .string()
      .max(MAX_REPOSITORY_NAME_LENGTH)
      .refine(
        (pattern) => FORM.test(pattern) && !MISPLACED_STARS.test(pattern),
        'must be the name of a repository, such as team/app, in which * stands for any part of one segment and a last ** for all below',
      ),
  )
  .min(1)
  .max(MAX_PATTERNS)
  .readonly()

/**
 * True if a pattern names the repository, segment by segment: `team/*` has one segment after `team`, `team/**` one or
 * more; `**` alone names all.
 */
export function matchesRepository(pattern: string, repository: string): boolean {
  const wanted = pattern.split('/')
  const segments = repository.split('/')
  const isDeep = wanted.at(-1) === '**'
  if (isDeep) wanted.pop()
  const isLengthFit = isDeep ? segments.length > wanted.length : segments.length === wanted.length
  return isLengthFit && wanted.every((part, index) => matchesStars(part, segments[index] ?? ''))
}
