/** Log-in that a registry demands in `WWW-Authenticate` (RFC 9110, 11.6.1). */
export interface Challenge {
  readonly scheme: 'basic' | 'bearer'
  readonly parameters: Readonly<Record<string, string>>
}

/** Longest header read, in characters: a challenge with ten scopes has some 1,000. */
const MAX_HEADER_LENGTH = 8192

/**
 * Matches one part after the other: `name=value`, `name="value"`, or a word, which is the scheme of the parts after it.
 */
const PARTS = /([a-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|([a-z0-9-]+)/gi

/** The strongest challenge this client can answer: Bearer before Basic; undefined if there is none. */
export function parseChallenge(header: string | null): Challenge | undefined {
  if (header === null || header.length > MAX_HEADER_LENGTH) return undefined
  const challenges = new Map<string, Record<string, string>>()
  let current: Record<string, string> = {}
  for (const [, name, quoted, plain, scheme] of header.matchAll(PARTS)) {
    if (scheme !== undefined) {
      current = {}
      challenges.set(scheme.toLowerCase(), current)
    } else if (name !== undefined) {
      current[name.toLowerCase()] = quoted === undefined ? (plain ?? '') : quoted.replace(/\\(.)/g, '$1')
    }
  }
  for (const scheme of ['bearer', 'basic'] as const) {
    const parameters = challenges.get(scheme)
    if (parameters) return { scheme, parameters }
  }
  return undefined
}
