import { type Command, Option } from 'commander'
import { OPTION_LIST } from '../config/options.ts'
import { defaultInWords, flagOf } from '../config/reference.ts'

/** Flags that `berth` itself takes, for every command. */
const GLOBAL: readonly string[] = ['data']

/** Adds a flag for each setting. Values are parsed where those of variables and files are, so they come as text. */
export function addSettingFlags(command: Command): Command {
  for (const option of OPTION_LIST) {
    if (GLOBAL.includes(option.name) || option.isFileOnly) continue
    const help = `${option.help} (default: ${defaultInWords(option)})`
    const flag = new Option(flagOf(option.name, option), help)
    if (option.isList)
      flag.argParser((value, before?: string) => (before === undefined ? value : `${before},${value}`))
    command.addOption(flag)
  }
  return command
}
