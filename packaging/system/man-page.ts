import type { Command, Option } from 'commander'
import { processIo } from '../../src/cli/io.ts'
import { buildProgram } from '../../src/cli/run.ts'

/** The page of `man berth`, made from the same data as `--help`. */
export async function formatManPage(): Promise<string> {
  const program = await buildProgram(processIo())
  const lines = [
    `.TH BERTH 1 "" "berth ${program.version() ?? ''}" "User Commands"`,
    '.SH NAME',
    'berth \\- a private, secure home for container images',
    '.SH SYNOPSIS',
    '.B berth',
    'COMMAND [OPTIONS]',
    '.SH DESCRIPTION',
    toRoff(program.description()),
    '.SH GLOBAL OPTIONS',
    ...program.options.flatMap(formatOption),
    '.SH COMMANDS',
    ...program.commands.flatMap((command) => formatCommand(command, 'berth')),
    '.SH EXIT STATUS',
    ...['0', 'done', '1', 'failed', '2', 'wrong usage'].flatMap((text, index) =>
      index % 2 === 0 ? ['.TP', `.B ${text}`] : [text],
    ),
    '.SH ENVIRONMENT',
    'Each setting can be a variable: BERTH_ and its name in capitals, with _ in place of \\-.',
    '.SH FILES',
    '.TP',
    '.I /etc/berth/berth.yaml',
    'settings of the service',
    '.TP',
    '.I /var/lib/berth',
    'data of the service',
  ]
  return `${lines.join('\n')}\n`
}

function formatCommand(command: Command, before: string): string[] {
  const path = `${before} ${command.name()}`
  const usage = `${before} ${command.name()} ${command.usage()}`
  return [
    `.SS ${toRoff(path)}`,
    `.B ${toRoff(usage)}`,
    '.PP',
    toRoff(command.description()),
    ...command.options.flatMap(formatOption),
    ...command.commands.flatMap((inner) => formatCommand(inner, path)),
  ]
}

function formatOption({ flags, description, argChoices, defaultValue }: Option): string[] {
  const choices = argChoices ? `: ${argChoices.join(', ')}` : ''
  const standard = defaultValue === undefined ? '' : ` (default: ${String(defaultValue)})`
  return ['.TP', `.B ${toRoff(flags)}`, toRoff(`${description}${choices}${standard}`)]
}

/** Text as roff prints it: a line must not begin with a request, and a hyphen of a flag can be copied. */
function toRoff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/\n+/g, '\n')
    .replace(/^(?=[.'])/gm, '\\&')
}
