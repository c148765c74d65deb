import { isAccountName } from '../../access/account-name.ts'
import { type Digest, parseDigest } from '../../oci/digest.ts'
import { parseReference, parseTag, type Reference, type Tag } from '../../oci/reference.ts'
import {
  MAX_REPOSITORY_NAME_LENGTH,
  parseRepositoryName,
  type RepositoryName,
} from '../../oci/repository-name.ts'
import { ApiError } from './api-error.ts'

/** A parameter of paths: its grammar, and its text in the API document. */
interface PathParameter<T> {
  parse(text: string): T
  /** The grammar as JSON Schema, for clients; `parse` decides. */
  readonly schema: object
  readonly description: string
  readonly example: string
}

/** Longest name of an account of an htpasswd file, in characters. */
const MAX_NAME_LENGTH = 255

const COMPONENT = '[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*'

/** Forms of names, for clients: the parsers of `oci/` decide. */
export const REPOSITORY_SCHEMA = {
  type: 'string',
  maxLength: MAX_REPOSITORY_NAME_LENGTH,
  pattern: `^${COMPONENT}(/${COMPONENT})*$`,
} as const
const TAG_SCHEMA = { type: 'string', pattern: '^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$' } as const
/** The same of a digest. */
export const DIGEST_SCHEMA = {
  type: 'string',
  pattern: '^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$',
} as const

/** All parameters of paths, by name. Each means the same in every path. */
export const PATH_PARAMETERS = {
  repository: {
    parse: parseRepositoryName,
    schema: REPOSITORY_SCHEMA,
    description: 'Name of a repository, with its slashes written as %2F',
    example: 'alice/app',
  } satisfies PathParameter<RepositoryName>,
  tag: {
    parse: parseTag,
    schema: TAG_SCHEMA,
    description: 'A tag',
    example: 'v1',
  } satisfies PathParameter<Tag>,
  reference: {
    parse: parseReference,
    schema: { anyOf: [TAG_SCHEMA, DIGEST_SCHEMA] },
    description: 'A tag or a digest',
    example: 'v1',
  } satisfies PathParameter<Reference>,
  digest: {
    parse: parseDigest,
    schema: DIGEST_SCHEMA,
    description: 'Digest of a manifest',
    example: 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  } satisfies PathParameter<Digest>,
  account: {
    parse: parseAccount,
    schema: { type: 'string', minLength: 1, maxLength: MAX_NAME_LENGTH },
    description: 'Name of an account',
    example: 'alice',
  } satisfies PathParameter<string>,
  run: {
    parse: parseRun,
    schema: { type: 'string', pattern: '^[0-9]{1,15}$' },
    description: 'Number of a run',
    example: '42',
  } satisfies PathParameter<number>,
} as const

/** A name of {@link PATH_PARAMETERS}. */
export type PathParameterName = keyof typeof PATH_PARAMETERS

/** Names of the parameters in a path. */
type ParameterNames<P extends string> = P extends `${string}{${infer N}}${infer Rest}`
  ? N | ParameterNames<Rest>
  : never

/** Values of the parameters of a path. */
export type Parameters<P extends string> = {
  readonly [N in ParameterNames<P> & PathParameterName]: ReturnType<(typeof PATH_PARAMETERS)[N]['parse']>
}

/** Accounts of htpasswd files may have names that no account of the database can have. */
function parseAccount(text: string): string {
  if (isAccountName(text) || (text.length <= MAX_NAME_LENGTH && !/[\p{Cc}:]/u.test(text))) return text
  throw new ApiError('ACCOUNT_UNKNOWN')
}

function parseRun(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new ApiError('CONTENT_GONE', { message: 'There is no such run' })
}
