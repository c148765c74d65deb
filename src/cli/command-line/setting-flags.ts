import { type Command, Option } from 'commander'
import { OPTION_LIST, type OptionName } from '../../config/options/options.ts'
import { defaultInWords, flagOf } from '../../config/options/reference.ts'

/** Settings that `berth` itself takes, for every command: they name its data. */
export const GLOBAL_FLAGS: readonly OptionName[] = ['data', 'database', 'database-password-file']

/** Adds a flag for each setting. Flags pass their values on as text, to be parsed with those of variables and files. */
export function addSettingFlags(command: Command): Command {
  for (const option of OPTION_LIST) {
    if (GLOBAL_FLAGS.includes(option.name) || option.isFileOnly) continue
    const help = `${option.help} (default: ${defaultInWords(option)})`
    const flag = new Option(flagOf(option.name, option), help)
    if (option.isList)
      flag.argParser((value, before?: string) => (before === undefined ? value : `${before},${value}`))
    command.addOption(flag)
  }
  return command
}
