/** What a registry asks for in `WWW-Authenticate` (RFC 9110, 11.6.1). */
export interface Challenge {
  readonly scheme: 'basic' | 'bearer'
  readonly parameters: Readonly<Record<string, string>>
}

/** Longest header looked at, in characters: a challenge with ten scopes has some 1,000. */
const MAX_HEADER_LENGTH = 8192

/** The strongest challenge this client can answer: Bearer before Basic; undefined if there is none. */
export function parseChallenge(header: string | null): Challenge | undefined {
  if (header === null || header.length > MAX_HEADER_LENGTH) return undefined
  // A header may hold several challenges; a scheme is a word that no "=" follows.
  const starts = [...header.matchAll(/(?:^|,)\s*(basic|bearer)(?=\s|,|$)(?!\s*=)/gi)]
  const challenges = starts.map((start, index) => {
    const end = starts[index + 1]?.index ?? header.length
    return {
      scheme: (start[1] ?? '').toLowerCase() as Challenge['scheme'],
      parameters: parseParameters(header.slice(start.index + start[0].length, end)),
    }
  })
  return challenges.find(({ scheme }) => scheme === 'bearer') ?? challenges[0]
}

function parseParameters(text: string): Record<string, string> {
  const parameters: Record<string, string> = {}
  for (const [, name = '', quoted, plain] of text.matchAll(
    /([a-z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/gi,
  )) {
    parameters[name.toLowerCase()] = quoted === undefined ? (plain ?? '') : quoted.replace(/\\(.)/g, '$1')
  }
  return parameters
}
