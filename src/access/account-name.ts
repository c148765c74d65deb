/** Longest account name, in characters: leaves room for the rest of a repository name. */
export const MAX_ACCOUNT_NAME_LENGTH = 64

const PATTERN = /^[a-z0-9]+(?:[._-][a-z0-9]+)*$/

/**
 * True if the text can name an account that owns repositories.
 *
 * Such a name is always one whole component of a repository name: with a slash in it, the name `alice/app` would own
 * what belongs to `alice`.
 */
export function isAccountName(text: string): boolean {
  return text.length <= MAX_ACCOUNT_NAME_LENGTH && PATTERN.test(text)
}
