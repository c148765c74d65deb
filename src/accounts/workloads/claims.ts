/** Claims of a verified ID token. */
export type Claims = Readonly<Record<string, unknown>>

/** Longest value of the sender's own token in an error. */
const MAX_SHOWN = 100

/**
 * Finds the first required claim that a token lacks, and describes what the token has in its place; undefined: it has all.
 */
export function findUnmet(claims: Claims, required: Readonly<Record<string, string>>): string | undefined {
  for (const [name, pattern] of Object.entries(required)) {
    const values = valuesOf(claims, name)
    if (values.some((value) => matchesClaim(pattern, value))) continue
    if (values.length === 0) return `has no claim "${name}"`
    return `has the claim "${name}" with the value "${values.join(', ').slice(0, MAX_SHOWN)}"`
  }
  return undefined
}

/**
 * True if a value has the form of a pattern: `*` stands for any characters but `/` and `:`, which separate the parts of
 * subjects, and `**` for any. Its time grows with the product of both lengths at most.
 */
export function matchesClaim(pattern: string, value: string): boolean {
  const parts = pattern.split(/(\*+)/)
  // Ends of the parts so far in the value: all of them, so that no choice has to be taken back.
  let ends = new Set([0])
  for (const [index, part] of parts.entries()) {
    ends = index % 2 === 0 ? endsAfterText(ends, part, value) : endsAfterStar(ends, part.length > 1, value)
    if (ends.size === 0) return false
  }
  return ends.has(value.length)
}

function endsAfterText(ends: ReadonlySet<number>, text: string, value: string): Set<number> {
  return new Set([...ends].filter((end) => value.startsWith(text, end)).map((end) => end + text.length))
}

function endsAfterStar(ends: ReadonlySet<number>, isAny: boolean, value: string): Set<number> {
  const after = new Set<number>()
  let isReached = false
  for (let at = 0; at <= value.length; at++) {
    const isSeparator = value[at - 1] === '/' || value[at - 1] === ':'
    isReached = (isReached && (isAny || !isSeparator)) || ends.has(at)
    if (isReached) after.add(at)
  }
  return after
}

/** The values of a claim as texts: of a list each. A name with slashes that is no claim is a path to one. */
function valuesOf(claims: Claims, name: string): string[] {
  const value = Object.hasOwn(claims, name) ? claims[name] : followPath(claims, name)
  const values: readonly unknown[] = Array.isArray(value) ? value : [value]
  return values
    .filter((one) => typeof one === 'string' || typeof one === 'number' || typeof one === 'boolean')
    .map(String)
}

function followPath(claims: Claims, path: string): unknown {
  let value: unknown = claims
  for (const step of path.split('/')) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, step))
      return undefined
    value = (value as Claims)[step]
  }
  return value
}
