import type { Option } from './option.ts'
import { OPTION_LIST, registryVariableOf, variableOf } from './options.ts'

/** The flag of a setting with the name of its value, such as `--data <DIR>`. */
export function flagOf(name: string, option: Option): string {
  // The flag alone means true; `false` after it turns it off.
  return option.value === 'BOOL' ? `--${name} [BOOL]` : `--${name} <${option.value}>`
}

/** The default in words. */
export function defaultInWords(option: Option): string {
  return option.otherwise ?? option.default ?? 'none'
}

/** The table of settings in docs/configuration.md; a test compares the two. */
export function formatReference(): string {
  const rows = OPTION_LIST.map((option) => {
    const others = [option.distribution && registryVariableOf(option.distribution.key), option.replaces]
    const cells = [
      `\`${option.name}\``,
      option.help,
      defaultInWords(option),
      `\`${option.name}: ${option.example}\``,
      option.isFileOnly ? '' : `\`${variableOf(option.name)}\``,
      others
        .filter((name) => name !== undefined)
        .map((name) => `\`${name}\``)
        .join(' '),
    ]
    return `| ${cells.join(' | ')} |`
  })
  return [
    '| Setting | Meaning | Default | Example | Variable | Also |',
    '|---|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}
