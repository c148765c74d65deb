import path from 'node:path'
import { OPTION_LIST, type OptionName, registryVariableOf } from '../options/options.ts'
import { type ConfigFile, isYamlObject } from './config-file.ts'
import type { Environment, Layer, RawValue } from './layer.ts'
import { loadYaml } from './yaml.ts'

/**
 * Settings of Distribution's configuration, before it is known if TLS is on, which decides the meaning of `http.addr`.
 */
export interface DistributionSettings {
  readonly found: readonly Found[]
  /** One for each name without a meaning here; never a value. */
  readonly warnings: readonly string[]
}

interface Found extends RawValue {
  readonly option: OptionName
  readonly when: 'tls' | 'plain' | undefined
}

/** A key and its value from a file or variable. */
interface Entry {
  readonly key: string
  readonly source: string
  readonly value: unknown
}

const IGNORED = 'has no meaning in Berth and is ignored'

/** Keys with values that Berth always behaves by: no setting, and no warning for them. */
const AGREED: Readonly<Record<string, (value: unknown) => boolean>> = {
  version: () => true,
  storage: (value) => value === 'filesystem',
  auth: (value) => value === 'htpasswd',
  'http.net': (value) => value === 'tcp',
  'http.debug.prometheus.enabled': (value) => typeof value === 'boolean',
  'http.debug.prometheus.path': (value) => value === '/metrics',
  'storage.maintenance.uploadpurging.enabled': (value) => value === true,
  'storage.maintenance.uploadpurging.dryrun': (value) => value === false,
  'storage.maintenance.readonly.enabled': (value) => value === false,
  'validation.disabled': (value) => value === false,
}

/** Consequences of ignored keys that an operator may rely on: the key, with all below it -> the rest of the warning. */
const CONSEQUENCES: readonly (readonly [string, string])[] = [
  ...['s3', 'gcs', 'azure', 'swift', 'oss', 'inmemory'].map(
    (driver) => [`storage.${driver}`, 'blobs are kept as files below registry-root'] as const,
  ),
  ['storage.maintenance.readonly', 'pushes and deletes are taken'],
  ['auth.token', 'Berth has accounts and issues tokens of its own'],
  ['auth.silly', 'Berth has accounts of its own'],
  ['http.tls.letsencrypt', 'domain asks for certificates'],
  ['http.tls.clientcas', 'the registry asks for no client certificates'],
  ['http.debug.prometheus.path', 'the metrics are at /metrics'],
  ['notifications.endpoints', 'nobody is notified'],
  ['notifications.events', 'each event of an endpoint names one tag and no other manifests'],
  ['proxy', 'nothing is pulled from another registry'],
]

const KNOWN_KEYS: readonly string[] = [
  ...Object.keys(AGREED),
  ...OPTION_LIST.flatMap(({ distribution }) => distribution?.key ?? []),
]

/** The settings of `REGISTRY_*` variables, whose values are YAML; an empty variable gives none. */
export function readRegistryVariables(env: Environment, cwd: string): DistributionSettings {
  const keys = new Map(KNOWN_KEYS.map((key) => [registryVariableOf(key), key]))
  const entries: Entry[] = []
  const warnings: string[] = []
  for (const variable of Object.keys(env).sort()) {
    const text = env[variable]
    if (!variable.startsWith('REGISTRY_') || text === undefined || text === '') continue
    const key = keys.get(variable)
    if (key === undefined)
      warnings.push(`The variable ${variable} ${IGNORED}${describeConsequence(variable)}`)
    else entries.push({ key, source: variable, value: parseYamlValue(text) })
  }
  return interpret(entries, cwd, warnings)
}

/**
 * The settings of a `config.yml` of Distribution. Relative paths are relative to the working directory, as in
 * Distribution.
 */
export function readDistributionFile(file: ConfigFile, cwd: string): DistributionSettings {
  const baseName = path.basename(file.path)
  const entries: Entry[] = []
  const warnings: string[] = []
  const walk = (value: unknown, key: string) => {
    const isSection = KNOWN_KEYS.some((known) => known.startsWith(`${key}.`))
    if (isSection && isYamlObject(value)) {
      for (const [name, inner] of Object.entries(value)) walk(inner, `${key}.${name}`)
    } else if (!KNOWN_KEYS.includes(key))
      warnings.push(
        `${baseName}: the key "${key.slice(0, 200)}" ${IGNORED}${describeConsequence(registryVariableOf(key))}`,
      )
    else if (value !== null) entries.push({ key, source: `${baseName}: ${key}`, value })
  }
  for (const [name, value] of Object.entries(file.content)) walk(value, name)
  return interpret(entries, cwd, warnings)
}

/** The settings as a layer, once it is known if there is a certificate. */
export function toLayer(settings: DistributionSettings, hasTls: boolean): Layer {
  const current = hasTls ? 'tls' : 'plain'
  const counting = settings.found.filter(({ when }) => when === undefined || when === current)
  return new Map(counting.map(({ option, value, source, baseDir }) => [option, { value, source, baseDir }]))
}

function interpret(entries: readonly Entry[], cwd: string, warnings: string[]): DistributionSettings {
  const found: Found[] = []
  for (const { key, source, value } of entries) {
    if (key === DEBUG_ADDRESS && !hasMetrics(entries)) {
      warnings.push(`${source} ${IGNORED}: it counts together with http.debug.prometheus.enabled`)
      continue
    }
    const options = OPTION_LIST.filter(({ distribution }) => distribution?.key === key)
    const values = options.map((option) => ({ option, ours: translate(option.distribution?.read, value) }))
    const usable = values.filter(({ ours }) => ours !== undefined)
    if (usable.length === 0 && !AGREED[key]?.(value)) {
      const subject = `${source} ${options.length > 0 || key in AGREED ? 'has a value that ' : ''}`
      // A key that chooses a driver is named together with the driver.
      const chosen = key === 'storage' || key === 'auth' ? `${key}.${value}` : key
      warnings.push(`${subject}${IGNORED}${describeConsequence(registryVariableOf(chosen))}`)
    }
    for (const { option, ours } of usable) {
      found.push({ option: option.name, when: option.distribution?.when, value: ours, source, baseDir: cwd })
    }
  }
  return { found, warnings }
}

/** The address of Distribution's metrics, which has other pages as well, and metrics only if they are enabled. */
const DEBUG_ADDRESS = 'http.debug.addr'

function hasMetrics(entries: readonly Entry[]): boolean {
  return entries.some(({ key, value }) => key === 'http.debug.prometheus.enabled' && value === true)
}

function describeConsequence(variable: string): string {
  const isBelow = ([key]: readonly [string, string]): boolean =>
    `${variable}_`.startsWith(`${registryVariableOf(key)}_`)
  const found = CONSEQUENCES.find(isBelow)
  return found ? `: ${found[1]}` : ''
}

function translate(read: ((value: unknown) => unknown) | undefined, value: unknown): unknown {
  return read ? read(value) : value
}

function parseYamlValue(text: string): unknown {
  try {
    return loadYaml().parse(text) as unknown
  } catch {
    // Not YAML: then it is plain text, which the setting's own parser checks.
    return text
  }
}
