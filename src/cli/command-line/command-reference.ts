import type { Command, Option } from 'commander'
import { OPTIONS } from '../../config/options/options.ts'

/** Settings that all commands take (`--data` and the database), and `--certs`. */
const MAX_SINGLE_SETTINGS = 4

/** The table of all flags in docs/cli.md, made of the same data as `--help`; settings have a page of their own. */
export function formatCommandReference(program: Command): string {
  const rows = [
    ...formatRows(
      'any command',
      program.options.filter((option) => option.name() !== 'version'),
    ),
    ...listLeaves(program).flatMap(({ usage, command }) => formatRows(`\`berth ${usage}\``, command.options)),
  ]
  return ['| Command | Flag | Meaning |', '|---|---|---|', ...rows, ''].join('\n')
}

/** Each command that does something, with its arguments: `user add <name>`; of commands that hold others, those with flags. */
function listLeaves(command: Command, before = ''): { usage: string; command: Command }[] {
  return command.commands.flatMap((inner) => {
    const name = `${before}${inner.name()}`
    if (inner.commands.length > 0) {
      const own = inner.options.length > 0 ? [{ usage: name, command: inner }] : []
      return [...own, ...listLeaves(inner, `${name} `)]
    }
    const words = inner.registeredArguments.map((argument) => {
      const text = argument.variadic ? `${argument.name()}...` : argument.name()
      return argument.required ? `<${text}>` : `[${text}]`
    })
    return [{ usage: [name, ...words].join(' '), command: inner }]
  })
}

function formatRows(command: string, options: readonly Option[]): string[] {
  const own = options.filter((option) => !isSetting(option))
  const rows = own.map((option) => `| ${command} | \`${option.flags}\` | ${formatCell(option)} |`)
  const settings = options.length - own.length
  // A few settings are flags of a command; many are the whole set of settings.
  return settings > MAX_SINGLE_SETTINGS
    ? [...rows, `| ${command} | every setting | see [configuration.md](configuration.md) |`]
    : [
        ...rows,
        ...options
          .filter(isSetting)
          .map((option) => `| ${command} | \`${option.flags}\` | ${formatCell(option)} |`),
      ]
}

function isSetting(option: Option): boolean {
  return option.name() in OPTIONS
}

function formatCell({ description, argChoices, defaultValue }: Option): string {
  const choices = argChoices ? `: ${argChoices.join(', ')}` : ''
  const standard = defaultValue === undefined ? '' : ` (default: ${String(defaultValue)})`
  return `${description}${choices}${standard}`.replaceAll('|', '\\|').replaceAll('<', '&lt;')
}
