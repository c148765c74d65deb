import { resolve } from 'node:path'
import type { Command } from 'commander'
import { repeatPlace } from '../command-line/own-commands.ts'
import { addSettingFlags } from '../command-line/setting-flags.ts'
import { type CommandContext, createContext, printResult } from '../context/command-context.ts'
import { loadWithoutDomain } from '../context/load-without-domain.ts'
import { CliError } from '../errors/cli-error.ts'
import type { Io } from '../io.ts'
import { formatTable } from '../output/table.ts'

const EXAMPLES = `
Examples:
  berth site list                            each virtual host: where it is from, state, cause and fix
  berth site check --vhost-dir vhost.d       what is wrong with vhost files, by file and line
  berth site check vhost.d/app.example.com   one file`

/** `berth site …`. */
export function addSiteCommand(program: Command, io: Io): void {
  const site = program
    .command('site')
    .description('List virtual hosts and check vhost files.')
    .addHelpText('after', EXAMPLES)
  addList(site, io)
  addCheck(site, io)
}

function addList(site: Command, io: Io): void {
  site
    .command('list')
    .description('List the virtual hosts of the running server, with what is wrong and how to correct it.')
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      const { readSiteReport } = await import('../../app/door/site-report.ts')
      const { dataDir } = loadWithoutDomain(context)
      const { report, isRunning } = await readSiteReport(dataDir)
      if (!report) {
        throw isRunning
          ? new CliError('NO_SITES', `The server on the data folder ${dataDir} has no virtual hosts`, {
              remedy: 'Start it with the name of the registry: "berth serve --domain HOST"',
            })
          : await noServer(dataDir)
      }
      printResult(
        context,
        { isRunning, ...report },
        repeatPlace(inWords({ ...report, isRunning }), context.flags),
      )
    })
}

/** Error for a folder without a server. Most often the folder is wrong, so the servers that run elsewhere are named. */
async function noServer(dataDir: string): Promise<CliError> {
  const { withServersElsewhere } = await import('../../app/data/require-data.ts')
  const what = `No server with virtual hosts has run on the data folder ${dataDir}`
  return new CliError('NO_SITES', await withServersElsewhere(what, dataDir))
}

interface Report {
  readonly isRunning: boolean
  readonly writtenAt: string
  readonly docker: string
  readonly sites: readonly {
    readonly host: string
    readonly source: string
    readonly state: string
    readonly cause: string | undefined
    readonly fix: string | undefined
    readonly certificate: string
    readonly servers: readonly { readonly address: string }[]
    readonly warnings: readonly string[]
  }[]
  readonly unread?: readonly {
    readonly container: string
    readonly name: string
    readonly cause: string
    readonly fix: string
  }[]
}

function inWords({ isRunning, writtenAt, docker, sites, unread = [] }: Report): string {
  const rows = sites.map(({ host, state, source, certificate, servers }) => [
    host,
    state,
    source,
    certificate,
    servers.map(({ address }) => address).join(', '),
  ])
  for (const { name, container } of unread) rows.push([printable(name), 'unread', container, '', ''])
  const notes = sites.flatMap(({ host, cause, fix, warnings }) => [
    ...(cause === undefined ? [] : [`${host}: ${cause}. ${fix}.`]),
    ...warnings.map((warning) => `${host}: ${warning}`),
  ])
  notes.push(...unread.map(({ container, cause, fix }) => `${container}: ${cause}. ${fix}.`))
  const age = isRunning ? [] : [`The server does not run; this is how it stood at ${writtenAt}.`]
  return [
    ...age,
    formatTable(['HOST', 'STATE', 'FROM', 'CERTIFICATE', 'SERVERS'], rows),
    '',
    docker,
    ...(notes.length > 0 ? ['', ...notes] : []),
  ].join('\n')
}

/** A name as a container wrote it, made safe for a cell of a table. */
function printable(name: string): string {
  const clean = name.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
  return clean.length > MAX_NAME_LENGTH ? `${clean.slice(0, MAX_NAME_LENGTH)}…` : clean
}

/** Most characters shown of an unreadable name: hosts written by people are shorter. */
const MAX_NAME_LENGTH = 60

function addCheck(site: Command, io: Io): void {
  addSettingFlags(site.command('check [files...]'))
    .description(
      'Check vhost files: those given, or all of the vhost folder. Exit code 1 if one closes its host.',
    )
    .action(async (files: string[], _options, command: Command) => {
      const context = createContext(command, io)
      const { checkVhostFiles } = await import('../../app/door/check-vhost-files.ts')
      const folder = loadWithoutDomain(context).frontDoor?.vhostDir
      const given = files.map((file) => resolve(io.cwd, file))
      const result = await checkVhostFiles(given.length > 0 ? given : undefined, folder)
      printChecked(context, result)
      const closing = result.problems.filter(({ severity }) => severity === 'closes')
      if (closing.length > 0) {
        throw new CliError(
          'VHOST_FILES_FAULTY',
          `${closing.length === 1 ? 'One fault closes its host' : `${closing.length} faults close their hosts`}`,
        )
      }
    })
}

interface Checked {
  readonly files: readonly string[]
  readonly problems: readonly {
    readonly file: string
    readonly line: number
    readonly severity: 'closes' | 'warns'
    readonly message: string
  }[]
}

function printChecked(context: CommandContext, { files, problems }: Checked): void {
  const lines = problems.map(
    ({ file, line, severity, message }) =>
      `${file}:${line}: ${severity === 'closes' ? 'error' : 'warning'}: ${message}`,
  )
  const count = files.length === 1 ? 'One file' : `${files.length} files`
  const verdict = problems.length === 0 ? `${count} checked, nothing found` : `${count} checked`
  printResult(context, { files, problems }, [...lines, verdict].join('\n'))
}
