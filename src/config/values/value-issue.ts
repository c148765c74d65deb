import type { z } from 'zod'

/**
 * Fault of a value, as text that follows the name of its setting; in a mapping, first the keys that lead to the fault
 * (`: wiki.example.com: upstream must be …`).
 */
export function describeIssue(issue: z.core.$ZodIssue | undefined): string {
  if (issue === undefined) return ' cannot be used'
  const { path, message } = deepest(issue)
  return `${path.map((key) => `: ${String(key).slice(0, 80)}`).join('')} ${message}`
}

/** For a value with several possible forms, the fault within the form that it has; otherwise the first fault. */
function deepest(issue: z.core.$ZodIssue): {
  readonly path: readonly PropertyKey[]
  readonly message: string
} {
  if (issue.code === 'unrecognized_keys')
    return { path: issue.path, message: `has keys that are not known here: ${issue.keys.join(', ')}` }
  if (issue.code !== 'invalid_union') return issue
  const inner = issue.errors.flatMap((issues) => issues.slice(0, 1)).map(deepest)
  const best = issue.errors.findIndex((issues) => issues[0]?.code !== 'invalid_type')
  const chosen = inner[Math.max(best, 0)]
  return chosen === undefined ? issue : { ...chosen, path: [...issue.path, ...chosen.path] }
}
