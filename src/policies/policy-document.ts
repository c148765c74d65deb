import type { z as Zod } from 'zod'
import { suggest } from '../config/values/suggest.ts'
import { describeIssue } from '../config/values/value-issue.ts'
import { z } from '../config/values/zod.ts'
import { ASPECT_SCHEMAS, type Aspects, type DocumentParts, PART_SCHEMAS } from './aspects.ts'
import { findKeys } from './find-keys.ts'
import { repositoryPatterns } from './patterns/repository-pattern.ts'
import { PolicyError } from './policy-error.ts'

/** Policies of one document: each push compares the name of its repository with all of them. */
const MAX_POLICIES = 500
/** Largest document, in characters of JSON: it is read in one row and kept in memory. */
const MAX_DOCUMENT_LENGTH = 64 * 1024

/** Decisions about the repositories that some patterns name. */
interface Policy extends Aspects {
  readonly repositories: readonly string[]
}

/**
 * The policies of a registry. They are in order: for each aspect, the first policy that names a repository and has the
 * aspect decides.
 */
export interface PolicyDocument extends DocumentParts {
  readonly policies: readonly Policy[]
}

/** The document of a registry whose operator has set none. */
export const NO_POLICIES: PolicyDocument = { policies: [] }

const SCHEMA = z.strictObject({
  policies: z
    .array(z.strictObject({ repositories: repositoryPatterns, ...optional(ASPECT_SCHEMAS) }))
    .max(MAX_POLICIES)
    .readonly()
    .default([]),
  ...optional(PART_SCHEMAS),
})

/** Reads a document from plain values, such as parsed YAML or JSON. Errors: `PolicyError` `POLICY_INVALID`. */
export function parsePolicyDocument(value: unknown): PolicyDocument {
  requireContent(value)
  const parsed = SCHEMA.safeParse(value)
  if (!parsed.success) throw toError(parsed.error.issues)
  if (JSON.stringify(parsed.data).length > MAX_DOCUMENT_LENGTH) {
    throw new PolicyError(
      'POLICY_INVALID',
      `The policies are too large: ${MAX_DOCUMENT_LENGTH} characters at most`,
      'Name several repositories by one pattern',
    )
  }
  return parsed.data
}

/** An empty file, such as one that was being written, ends no protection. Errors: `PolicyError` `POLICY_INVALID`. */
function requireContent(value: unknown): void {
  const isEmpty = value === null || value === undefined
  if (!isEmpty && !(isPlain(value) && Object.keys(value).length === 0)) return
  throw new PolicyError(
    'POLICY_INVALID',
    'The policies cannot be used: the document is empty',
    'Write "policies: []" to remove all policies and quotas',
  )
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function optional<S extends Readonly<Record<string, Zod.ZodType>>>(
  schemas: S,
): { [K in keyof S]: Zod.ZodOptional<S[K]> } {
  const entries = Object.entries(schemas).map(([name, schema]) => [name, schema.optional()])
  return Object.fromEntries(entries) as { [K in keyof S]: Zod.ZodOptional<S[K]> }
}

function toError(issues: readonly Zod.core.$ZodIssue[]): PolicyError {
  const unknown = issues.find((issue) => issue.code === 'unrecognized_keys')
  if (!unknown) {
    const [issue] = issues
    const why = describeIssue(issue && { ...issue, path: [] })
    const message = `The policies cannot be used: ${formatPath(issue?.path ?? [])}${why}`
    return new PolicyError('POLICY_INVALID', message, 'Mend it; docs/policies.md has an example')
  }
  const [key = ''] = unknown.keys
  const known = findKeys(SCHEMA, unknown.path)
  const near = suggest(key, known)
  return new PolicyError(
    'POLICY_INVALID',
    `The policies cannot be used: ${formatPath(unknown.path)} has the key "${key.slice(0, 80)}", which is not known`,
    near ? `Did you mean "${near}"?` : `Remove it; these are known: ${known.join(', ')}`,
  )
}

/** A path as in JavaScript: `policies[0].immutable[2]`. */
function formatPath(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'the document'
  return path
    .map((key, index) => {
      if (typeof key === 'number') return `[${key}]`
      return `${index === 0 ? '' : '.'}${String(key).slice(0, 80)}`
    })
    .join('')
}
