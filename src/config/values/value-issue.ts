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

/** Names of types as in YAML. */
const TYPES: Readonly<Record<string, string>> = {
  array: 'a list',
  object: 'a mapping of keys to values',
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
}

/** The text of a fault: that of the schema, or words in the place of zod's own. */
function formatMessage(issue: z.core.$ZodIssue): string {
  if (!/^(?:Invalid|Too) /.test(issue.message)) return issue.message
  switch (issue.code) {
    case 'invalid_type':
      if (issue.message.endsWith('received undefined')) return 'is missing'
      return `must be ${TYPES[issue.expected] ?? issue.expected}`
    case 'too_small':
      return `must ${formatBound(issue.origin, `at least ${issue.minimum}`)}`
    case 'too_big':
      return `must ${formatBound(issue.origin, `at most ${issue.maximum}`)}`
    case 'invalid_value':
      return `must be ${issue.values.map(String).join(', ')}`.replace(/, (?=[^,]*$)/, ' or ')
    default:
      return issue.message
  }
}

function formatBound(origin: string, bound: string): string {
  if (origin === 'array') return `have ${bound} entries`
  if (origin === 'string') return `have ${bound} characters`
  return `be ${bound}`
}

/** For a value with several possible forms, the fault within the form that it has; otherwise the first fault. */
function deepest(issue: z.core.$ZodIssue): {
  readonly path: readonly PropertyKey[]
  readonly message: string
} {
  if (issue.code === 'unrecognized_keys')
    return { path: issue.path, message: `has keys that are not known here: ${issue.keys.join(', ')}` }
  if (issue.code !== 'invalid_union') return { path: issue.path, message: formatMessage(issue) }
  const inner = issue.errors.flatMap((issues) => issues.slice(0, 1)).map(deepest)
  const best = issue.errors.findIndex((issues) => issues[0]?.code !== 'invalid_type')
  const chosen = inner[Math.max(best, 0)]
  return chosen === undefined
    ? { path: issue.path, message: formatMessage(issue) }
    : { ...chosen, path: [...issue.path, ...chosen.path] }
}
