import { AccessError } from '../../../access/access-error.ts'
import type { AccessDocument } from '../../../access/document/access-document.ts'
import { toFileForm } from '../../../access/document/file-form.ts'
import { DocumentFault, parseAccessDocument } from '../../../access/document/parse-document.ts'
import { loadYaml } from '../../../config/sources/yaml.ts'
import { readTextFile } from '../../context/read-text-file.ts'
import type { Io } from '../../io.ts'

/** Largest file, in bytes: the most rules and members, with names of usual length. */
const MAX_FILE_BYTES = 8 * 1024 * 1024
const REMEDY = 'Mend the file, which was not applied; docs/access.md has an example'

/** Access as a file has it. */
interface AccessFile {
  readonly document: AccessDocument
  /** The version that the file was exported from; undefined: it replaces any. */
  readonly version: number | undefined
}

type YamlDocument = ReturnType<ReturnType<typeof loadYaml>['parseDocument']>

/**
 * Reads a file, YAML or JSON; `-` is standard input. Errors: `CliError` `ACCESS_UNREADABLE`; `AccessError`
 * `ACCESS_INVALID`, which names the line.
 */
export async function readAccessFile(io: Io, file: string): Promise<AccessFile> {
  const text = await readTextFile(io, file, { maxBytes: MAX_FILE_BYTES, code: 'ACCESS_UNREADABLE' })
  const yaml = loadYaml().parseDocument(text, { prettyErrors: false })
  const [problem] = yaml.errors
  if (problem) throw invalid(`line ${lineAt(text, problem.pos[0])} is not YAML: ${problem.message}`)
  const { version, ...rest } = toObject(yaml)
  if (version !== undefined && !(Number.isSafeInteger(version) && Number(version) >= 0))
    throw invalid(`line ${lineOf(yaml, text, ['version'])}: version is no whole number`)
  try {
    return {
      document: parseAccessDocument(rest),
      version: version === undefined ? undefined : Number(version),
    }
  } catch (error) {
    if (!(error instanceof DocumentFault)) throw error
    const { path, message } = error
    throw invalid(`line ${lineOf(yaml, text, path)}: ${formatPath(path)} ${message}`)
  }
}

/** The text of such a file. */
export function formatAccess(document: AccessDocument, version?: number): string {
  const stamp = version === undefined ? {} : { version }
  return loadYaml().stringify({ ...stamp, ...toFileForm(document) }, { lineWidth: 0 })
}

function toObject(yaml: YamlDocument): Record<string, unknown> {
  let value: unknown
  try {
    value = yaml.toJS()
  } catch {
    throw invalid('its aliases cannot be resolved')
  }
  // An empty file would take back everything: that is said with "rules: []".
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid('it must have groups, rules or visibility')
  return value as Record<string, unknown>
}

/** The line of the innermost part of a path that the file has. */
function lineOf(yaml: YamlDocument, text: string, path: readonly (string | number)[]): number {
  for (let length = path.length; length > 0; length--) {
    const offset = offsetOf(yaml, path.slice(0, length))
    if (offset !== undefined) return lineAt(text, offset)
  }
  return 1
}

/** Begin of a key, or of an entry of a list. */
function offsetOf(yaml: YamlDocument, path: readonly (string | number)[]): number | undefined {
  const parent: unknown = path.length === 1 ? yaml.contents : yaml.getIn(path.slice(0, -1), true)
  const last = path.at(-1)
  const items = (parent as { items?: readonly unknown[] } | undefined)?.items ?? []
  for (const [index, item] of items.entries()) {
    const { key, range } = item as { key?: Ranged & { value?: unknown }; range?: Ranged['range'] }
    if (key ? key.value === last : index === last) return (key?.range ?? range)?.[0]
  }
  return undefined
}

interface Ranged {
  readonly range?: readonly [number, number, number]
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}

function formatPath(path: readonly (string | number)[]): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`))
    .join('')
}

function invalid(why: string): AccessError {
  return new AccessError('ACCESS_INVALID', `The file cannot be used: ${why}`, REMEDY)
}
