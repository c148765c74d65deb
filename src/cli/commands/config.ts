import type { Command } from 'commander'
import { describeConfig, type SettingDescription } from '../../config/show/describe.ts'
import { addSettingFlags } from '../command-line/setting-flags.ts'
import { createContext, printResult } from '../context/command-context.ts'
import type { Io } from '../io.ts'
import { formatTable } from '../output/table.ts'

const EXAMPLES = `
Examples:
  berth config                               what "berth serve" would use here, and why
  berth config --config berth.yaml --json    the same for programs

The first place that says something wins: flag, BERTH_ variable, berth.yaml, REGISTRY_ variable,
Distribution's config.yml, default. docs/configuration.md explains each setting.`

/** `berth config`. */
export function addConfigCommand(program: Command, io: Io): void {
  addSettingFlags(program.command('config'))
    .description('Print the settings in effect and where each comes from; secrets are masked.')
    .addHelpText('after', EXAMPLES)
    .action((_options, command: Command) => {
      const context = createContext(command, io)
      const settings = describeConfig(context.loadConfig())
      const rows = settings.map(({ name, value, source }) => [name, inWords(value), source])
      printResult(context, { settings }, formatTable(['SETTING', 'VALUE', 'FROM'], rows))
    })
}

function inWords(value: SettingDescription['value']): string {
  if (value === null) return '-'
  return typeof value === 'object' ? value.join(', ') || '-' : String(value)
}
