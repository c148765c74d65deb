import path from 'node:path'
import { MASK } from '../../../config/database.ts'
import { readVariables } from '../../../config/load/read-variables.ts'
import { isSameSetting } from '../../../config/load/same-setting.ts'
import { OPTION_LIST, type OptionName } from '../../../config/options/options.ts'
import type { RawValue } from '../../../config/sources/layer.ts'
import { withoutPassword } from '../../command-line/hide-shown-password.ts'
import type { CommandContext } from '../../context/command-context.ts'
import { CliError } from '../../errors/cli-error.ts'

/** Settings by name, each with its value as written and its place. */
export type GivenSettings = ReadonlyMap<string, RawValue>

/**
 * The settings that flags and variables give. A variable counts as an answer, as the service that is set up does not
 * have it. Variables of other programs count only where neither a flag nor the file (`held`) has the setting. Errors:
 * `ConfigError`, `CliError` `SETTINGS_DIFFER` if a flag contradicts a variable of Berth.
 */
export function readGivenSettings(
  { flags, io }: CommandContext,
  held: ReadonlyMap<string, unknown>,
): GivenSettings {
  const { own, others } = readVariables(io.env, io.cwd)
  const given = new Map<string, RawValue>()
  for (const { name } of OPTION_LIST) {
    const value = flags[name]
    const flag = value === undefined ? undefined : { value, source: `--${name}`, baseDir: io.cwd }
    const variable = own.get(name)
    if (flag && variable && !isSameSetting(name, flag, variable)) throw contradiction(name, flag, variable)
    const other = held.has(name) ? undefined : others.get(name)
    const found = flag ?? variable ?? other
    if (found) given.set(name, found)
  }
  return given
}

function contradiction(name: OptionName, flag: RawValue, variable: RawValue): CliError {
  const [first, second] = [flag, variable].map(({ value }) => showValue(name, value))
  return new CliError('SETTINGS_DIFFER', `${flag.source} is ${first}, and ${variable.source} is ${second}`, {
    remedy: `Leave out the flag, or unset ${variable.source}. Nothing was changed`,
  })
}

/** A value for the eyes of whoever runs the command. */
export function showValue(name: string, value: unknown): string {
  const option = OPTION_LIST.find((each) => each.name === name)
  return option?.secret ? MASK : withoutPassword(String(value))
}

/** A value as it is written to a settings file: a relative path would be relative to that file there. */
export function toWritten(name: string, { value, baseDir }: RawValue): unknown {
  const isPath = OPTION_LIST.some((option) => option.name === name && option.isPath)
  return isPath && typeof value === 'string' ? path.resolve(baseDir, value) : value
}
