import path from 'node:path'
import type { Command } from 'commander'
import {
  type DatabasePlace,
  formatDatabaseName,
  toDatabasePlace,
} from '../../../app/database/database-place.ts'
import type { Config } from '../../../config/config.ts'
import { readDatabaseUrl } from '../../../config/values/database-url.ts'
import { type CommandContext, createContext, printResult } from '../../context/command-context.ts'
import { loadWithoutDomain } from '../../context/load-without-domain.ts'
import { CliError } from '../../errors/cli-error.ts'
import type { Io } from '../../io.ts'
import { formatTable } from '../../output/table.ts'

const EXAMPLES = `
Examples:
  berth migrate --to postgres://berth@db.example.com/berth --database-password-file pw
  BERTH_DATABASE=postgres://berth:…@db.example.com/berth berth migrate --from sqlite
  berth migrate --from postgres://berth@db.example.com/berth --to /var/lib/berth-new

A database is sqlite (that of the data folder), a data folder, or a postgres:// URL; one that is left out is that of
the settings. Stop the server first. The target must be empty; the source stays as it is. A run that was ended goes on
when the command is run again. At the end all rows are compared, and the digest of each table is printed.`

/** `berth migrate`. */
export function addMigrateCommand(program: Command, io: Io): void {
  program
    .command('migrate')
    .description('Copy all facts from one database to another, SQLite or PostgreSQL, and compare both.')
    .option('--from <DATABASE>', 'database to copy: sqlite, a data folder or a postgres:// URL')
    .option('--to <DATABASE>', 'empty database to copy into: sqlite, a data folder or a postgres:// URL')
    .option('--restart', 'empty an unfinished copy in the target first')
    .addHelpText('after', EXAMPLES)
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      const config = loadWithoutDomain(context)
      const from = parsePlace(context, config, 'from')
      const to = parsePlace(context, config, 'to')
      if (formatDatabaseName(from) === formatDatabaseName(to))
        throw new CliError('USAGE', `--from and --to are the same database, ${formatDatabaseName(from)}`)
      const { migrateData } = await import('../../../app/database/migrate-data.ts')
      const report = await migrateData({
        from,
        to,
        isFresh: context.flags.restart === true,
        onPage: progressTo(context),
      })
      const rows = report.tables.map(({ name, rows, digest }) => [name, String(rows), digest])
      const text = `${formatTable(['TABLE', 'ROWS', 'SHA-256 ON BOTH SIDES'], rows)}\n${report.to} holds what ${report.from} does.`
      printResult(context, report, text)
    })
}

/** The database that a flag names; without it that of the settings. */
function parsePlace(context: CommandContext, config: Config, flag: 'from' | 'to'): DatabasePlace {
  const value = context.flags[flag]
  if (typeof value !== 'string') return toDatabasePlace(config)
  if (value === 'sqlite') return { engine: 'sqlite', dataDir: config.dataDir }
  // A slip in a URL must not make a folder with a password in its name.
  if (!/^(?:postgres(?:ql)?:|[a-z]+:\/\/)/i.test(value))
    return { engine: 'sqlite', dataDir: path.resolve(context.io.cwd, value) }
  const address = readDatabaseUrl(value)
  if (typeof address === 'string') throw new CliError('USAGE', `--${flag} ${address}`)
  // With the file of its password, wherever that setting is given.
  return toDatabasePlace(loadWithoutDomain(context, { database: value }))
}

/** Says on standard error which table is being copied; a program gets the result only. */
function progressTo({ io, isJson }: CommandContext): (page: { table: string }) => void {
  let current: string | undefined
  return ({ table }) => {
    if (table !== current && !isJson) io.stderr.write(`copying ${table}\n`)
    current = table
  }
}
