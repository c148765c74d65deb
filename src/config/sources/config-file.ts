import { readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { ConfigError } from '../config-error.ts'
import { OPTION_LIST, type OptionName } from '../options/options.ts'
import { suggest } from '../values/suggest.ts'
import type { Layer, RawValue } from './layer.ts'
import { loadYaml } from './yaml.ts'

/** Largest configuration file, in bytes: a real one has a few KiB; the bound keeps a wrong path from filling memory. */
const MAX_FILE_BYTES = 1024 * 1024

/** The members of a YAML file. */
type YamlObject = Readonly<Record<string, unknown>>

/** A parsed configuration file: Berth's own flat one, or Distribution's. */
export interface ConfigFile {
  readonly kind: 'berth' | 'distribution'
  readonly path: string
  readonly content: YamlObject
}

/**
 * Reads a configuration file; one with `version: 0.1` is Distribution's. Errors: `ConfigError` `CONFIG_UNREADABLE`, or
 * `CONFIG_INVALID` if it is not a YAML mapping.
 */
export function readConfigFile(file: string, cwd: string): ConfigFile {
  const location = path.resolve(cwd, file)
  const document = loadYaml().parseDocument(readText(location, file), { prettyErrors: false })
  const [problem] = document.errors
  if (problem) {
    const line = problem.linePos?.[0].line
    throw invalid(file, `it is not YAML${line === undefined ? '' : ` (line ${line})`}: ${problem.code}`)
  }
  const content: unknown = toPlainValue(document, file) ?? {}
  if (!isYamlObject(content)) throw invalid(file, 'it does not consist of "name: value" lines')
  const isDistribution = String(content.version ?? '').startsWith('0.')
  return { kind: isDistribution ? 'distribution' : 'berth', path: location, content }
}

/**
 * The settings of a berth.yaml. Relative paths in it are relative to its folder. Errors: `ConfigError` `OPTION_UNKNOWN`
 * for a key that is no setting.
 */
export function readBerthFile(file: ConfigFile): Layer {
  const names: readonly string[] = OPTION_LIST.map(({ name }) => name)
  const baseName = path.basename(file.path)
  const baseDir = path.dirname(file.path)
  const layer = new Map<OptionName, RawValue>()
  for (const [key, value] of Object.entries(file.content)) {
    if (!names.includes(key)) throw unknownKey(key, baseName, names)
    if (value !== null) layer.set(key as OptionName, { value, source: `${baseName}: ${key}`, baseDir })
  }
  return layer
}

/** True if the value is a YAML mapping. */
export function isYamlObject(value: unknown): value is YamlObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function readText(location: string, file: string): string {
  try {
    if (statSync(location).size > MAX_FILE_BYTES) throw invalid(file, 'it is larger than 1 MiB')
    return readFileSync(location, 'utf8')
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason'
    throw new ConfigError(
      'CONFIG_UNREADABLE',
      `The configuration file ${file} cannot be read (${reason})`,
      'Check the path given with --config or BERTH_CONFIG, and the permissions of the file',
      cause,
    )
  }
}

function toPlainValue(
  document: ReturnType<ReturnType<typeof loadYaml>['parseDocument']>,
  file: string,
): unknown {
  try {
    return document.toJS()
  } catch (cause) {
    // Aliases that do not resolve, or that would grow without end, are found only now.
    throw invalid(file, 'its aliases cannot be resolved', cause)
  }
}

function unknownKey(key: string, baseName: string, names: readonly string[]): ConfigError {
  const near = suggest(key, names)
  return new ConfigError(
    'OPTION_UNKNOWN',
    `${baseName} has the key "${key.slice(0, 80)}", which is no setting of Berth`,
    near ? `Did you mean "${near}"?` : 'Remove it; "berth serve --help" lists the settings',
  )
}

function invalid(file: string, why: string, cause?: unknown): ConfigError {
  return new ConfigError(
    'CONFIG_INVALID',
    `The configuration file ${file} cannot be used: ${why}`,
    'Mend the file; docs/configuration.md has an example',
    cause,
  )
}
