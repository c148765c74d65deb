import { MASK } from '../../config/database.ts'
import { replaceTokens } from '../../log/token-shapes.ts'

/** Shortest secret that is looked for by its text: a shorter one would also hide words that happen to hold it. */
const MIN_SECRET_LENGTH = 4

/** Credentials by their shape: those of a URL and of a header. */
const SHAPES: readonly (readonly [RegExp, string])[] = [
  [/(:\/\/)[^\s/@"']{1,512}@/g, `$1${MASK}@`],
  [/\b((?:basic|bearer)\s+)[\w.~+/=-]{6,}/gi, `$1${MASK}`],
]

/** Masks these secrets wherever they stand in a text, and whatever has the shape of a credential. */
export function hideSecrets(text: string, secrets: readonly string[]): string {
  let hidden = text
  // The longest first: what is left of one that holds another would be readable.
  for (const secret of [...secrets].sort((one, other) => other.length - one.length)) {
    if (secret.length < MIN_SECRET_LENGTH) continue
    // In a document of JSON a quote or a backslash of the secret is escaped.
    for (const form of new Set([secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)])) {
      hidden = hidden.replaceAll(form, MASK)
    }
  }
  for (const [shape, mask] of SHAPES) hidden = hidden.replace(shape, mask)
  return replaceTokens(hidden, MASK)
}
