import { ConfigError } from '../config-error.ts'
import { ANY_PROXY } from '../options/front-door-options.ts'
import { OPTION_LIST, type OptionName, variableOf } from '../options/options.ts'
import { suggest } from '../values/suggest.ts'
import { warnOfForeignVariables } from './foreign-variables.ts'
import type { Environment, Layer, RawValue } from './layer.ts'

/** Variable with the path of the file, in place of `--config`. */
export const CONFIG_FILE_VARIABLE = 'BERTH_CONFIG'

/**
 * Variables that Kubernetes sets in each pod for a service called "berth"; they are no settings.
 * https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
 */
const SERVICE_LINK =
  /^BERTH_(?:SERVICE_(?:HOST|PORT(?:_\w+)?)|PORT|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)$/

/**
 * The settings of `BERTH_*` variables; an empty variable gives none. Errors: `ConfigError` `OPTION_UNKNOWN` for a
 * `BERTH_*` variable that is no setting.
 */
export function readEnvironment(env: Environment, cwd: string): Layer {
  const byVariable = new Map(
    OPTION_LIST.filter(({ isFileOnly }) => !isFileOnly).map(({ name }) => [variableOf(name), name]),
  )
  const layer = new Map<OptionName, RawValue>()
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith('BERTH_') || variable === CONFIG_FILE_VARIABLE) continue
    const name = byVariable.get(variable)
    if (name === undefined) refuseUnknown(variable, [...byVariable.keys(), CONFIG_FILE_VARIABLE])
    else if (value !== undefined && value !== '') layer.set(name, { value, source: variable, baseDir: cwd })
  }
  return layer
}

/**
 * The settings of the variables of nginx-proxy and its companion, and a warning for each value that has no meaning
 * here: not an error, as such a variable may be there for another program. An empty variable gives none.
 */
export function readReplacedVariables(env: Environment, cwd: string): { layer: Layer; warnings: string[] } {
  const layer = new Map<OptionName, RawValue>()
  const warnings: string[] = []
  for (const { name, replaces, readReplaced, parse } of OPTION_LIST) {
    const given = replaces === undefined ? undefined : env[replaces]
    if (replaces === undefined || !given) continue
    const value = readReplaced ? readReplaced(given) : given
    if (value !== undefined && parse.safeParse(value).success)
      layer.set(name, { value, source: replaces, baseDir: cwd })
    else warnings.push(`The variable ${replaces} has a value that has no meaning in Berth and is ignored`)
  }
  if (layer.get('proxy-protocol-from')?.value === ANY_PROXY) warnings.push(ANY_PROXY_WARNING)
  return { layer, warnings: [...warnings, ...warnOfForeignVariables(env)] }
}

const ANY_PROXY_WARNING =
  'ENABLE_PROXY_PROTOCOL lets every address say who it speaks for: name those of your proxies with proxy-protocol-from'

function refuseUnknown(variable: string, known: readonly string[]): void {
  if (SERVICE_LINK.test(variable)) return
  const near = suggest(variable, known)
  throw new ConfigError(
    'OPTION_UNKNOWN',
    `The variable ${variable} is no setting of Berth`,
    near ? `Did you mean ${near}?` : 'Unset it; "berth serve --help" lists the settings',
  )
}
