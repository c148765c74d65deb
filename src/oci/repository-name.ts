import { OciError } from './errors.ts'

/** A checked repository name, such as `alice/app`. */
export type RepositoryName = string & { readonly __brand: 'RepositoryName' }

/** Longest name, in characters: many clients limit host, slash and name together to 255 (distribution-spec "Pull"). */
export const MAX_REPOSITORY_NAME_LENGTH = 255

const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'
const PATTERN = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`)

/** True if the text is a repository name by the grammar of distribution-spec "Pull". */
export function isRepositoryName(text: string): text is RepositoryName {
  return text.length <= MAX_REPOSITORY_NAME_LENGTH && PATTERN.test(text)
}

/** Parses a repository name. Errors: `NAME_INVALID`. */
export function parseRepositoryName(text: string): RepositoryName {
  if (isRepositoryName(text)) return text
  throw new OciError('NAME_INVALID', {
    message:
      'The repository name is not valid: use lower-case letters, digits, single separators (. _ __ -) and ' +
      `slashes, at most ${MAX_REPOSITORY_NAME_LENGTH} characters`,
    detail: { name: text.slice(0, 300) },
  })
}
