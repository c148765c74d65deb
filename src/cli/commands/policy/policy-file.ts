import { loadYaml } from '../../../config/sources/yaml.ts'
import { type PolicyDocument, parsePolicyDocument } from '../../../policies/policy-document.ts'
import { PolicyError } from '../../../policies/policy-error.ts'
import { readTextFile } from '../../context/read-text-file.ts'
import type { Io } from '../../io.ts'

/** Largest file, in bytes: comments and indentation make it larger than the policies that it holds. */
const MAX_FILE_BYTES = 1024 * 1024

/** The policies of a file. */
interface PolicyFile {
  readonly document: PolicyDocument
  /** The version that the file was exported from; undefined: it replaces any. */
  readonly version: number | undefined
}

/**
 * Reads policies from a file, YAML or JSON; `-` is standard input. Errors: `CliError` `POLICY_UNREADABLE`, `PolicyError`
 * `POLICY_INVALID`.
 */
export async function readPolicyFile(io: Io, file: string): Promise<PolicyFile> {
  const text = await readTextFile(io, file, { maxBytes: MAX_FILE_BYTES, code: 'POLICY_UNREADABLE' })
  const value = parseYaml(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { document: parsePolicyDocument(value), version: undefined }
  }
  const { version, ...rest } = value as Record<string, unknown>
  if (version !== undefined && !(Number.isSafeInteger(version) && Number(version) >= 0)) {
    throw invalid('version is no whole number', 'Remove the line, or export the policies again')
  }
  return { document: parsePolicyDocument(rest), version: version === undefined ? undefined : Number(version) }
}

/** The text of a policy file. */
export function formatPolicies(document: PolicyDocument, version?: number): string {
  return loadYaml().stringify(
    { ...(version === undefined ? {} : { version }), ...document },
    { lineWidth: 0 },
  )
}

function parseYaml(text: string): unknown {
  const document = loadYaml().parseDocument(text, { prettyErrors: false })
  const [problem] = document.errors
  if (problem) {
    const line = text.slice(0, problem.pos[0]).split('\n').length
    throw invalid(`line ${line} is not YAML: ${problem.message}`)
  }
  try {
    return document.toJS()
  } catch {
    throw invalid('their aliases cannot be resolved')
  }
}

function invalid(why: string, remedy = 'Mend the file; docs/policies.md has an example'): PolicyError {
  return new PolicyError('POLICY_INVALID', `The policies cannot be used: ${why}`, remedy)
}
