import path from 'node:path'
import type { Command } from 'commander'
import type { RestoreReport } from '../../../app/backup/restore-backup.ts'
import type { Config } from '../../../config/config.ts'
import { type CommandContext, createContext, printResult } from '../../context/command-context.ts'
import { loadWithoutDomain } from '../../context/load-without-domain.ts'
import { CliError } from '../../errors/cli-error.ts'
import type { Io } from '../../io.ts'
import { formatBytes, formatTime } from '../../output/table.ts'
import { progressTo } from './backup.ts'

const EXAMPLES = `
Examples:
  berth restore /mnt/backup/berth                        into the data folder of the settings, which is empty
  berth restore /mnt/backup/berth --to /var/lib/berth    into another empty folder
  berth restore /mnt/backup/berth --keep-files           only the database is lost: blobs that are there stay
  berth restore /mnt/backup/berth --generation 20261128T020000Z

With the setting database the facts go into that empty PostgreSQL database. A run that was ended goes on when it is
run again. What was deleted, revoked or changed after the backup is as it was then: accounts, passwords, images.`

/** `berth restore`. */
export function addRestoreCommand(program: Command, io: Io): void {
  program
    .command('restore <dir>')
    .description('Restore a backup into an empty data folder.')
    .option('--generation <NAME>', 'the one to restore (default: the newest complete one)')
    .option('--to <FOLDER>', 'empty folder for database and blobs (default: those of the settings)')
    .option(
      '--keep-files',
      'keep the blobs and certificates that are there: only the database must be missing',
    )
    .option('--keep-log-ins', 'keep log-ins and the keys of tokens as they were, also those revoked since')
    .addHelpText('after', EXAMPLES)
    .action(async (dir: string, _options, command: Command) => {
      await restore(createContext(command, io), dir)
    })
}

async function restore(context: CommandContext, dir: string): Promise<void> {
  const { flags, io } = context
  const [{ openGeneration }, { restoreBackup }] = await Promise.all([
    import('../../../app/backup/open-backups.ts'),
    import('../../../app/backup/restore-backup.ts'),
  ])
  const name = typeof flags.generation === 'string' ? flags.generation : undefined
  await using opened = await openGeneration(path.resolve(io.cwd, dir), name)
  if (opened.newerIncomplete !== undefined)
    context.warn(`the newest complete generation is used; ${opened.newerIncomplete} is newer and lacks blobs`)
  const report = await restoreBackup({
    backupId: opened.folder.id,
    found: opened.found,
    from: opened.folder.blobs,
    config: findTarget(context),
    keepsFiles: flags['keep-files'] === true,
    keepsLogIns: flags['keep-log-ins'] === true,
    onProgress: progressTo<{ blobs: number; bytes: number }>(
      context,
      ({ blobs, bytes }) => `${blobs} blobs, ${formatBytes(bytes)}`,
    ),
  })
  const missing = report.blobs.bad + report.badFiles.length
  if (missing > 0) throw incomplete(report)
  printResult(context, report, formatReport(report, flags['keep-log-ins'] === true))
}

function findTarget(context: CommandContext): Pick<Config, 'dataDir' | 'registryRoot' | 'database'> {
  const config = loadWithoutDomain(context)
  const { to } = context.flags
  if (typeof to !== 'string') return config
  const dataDir = path.resolve(context.io.cwd, to)
  return { dataDir, registryRoot: dataDir, database: config.database }
}

function formatReport(report: RestoreReport, keepsLogIns: boolean): string {
  const { generation, startedAt, dataDir, blobs, settingsFolder } = report
  const lines = [
    `${generation} is restored to ${dataDir}: ${blobs.blobs} blobs, ${formatBytes(blobs.bytes)}`,
    `It is as of ${formatTime(new Date(startedAt))}: accounts, passwords and images changed since are as they were then.`,
    keepsLogIns
      ? 'Log-ins are as they were then, also those revoked since.'
      : 'All log-ins have ended: clients that keep no password log in again.',
    'Images without a tag are kept for a day at least from now on.',
  ]
  if (settingsFolder !== undefined)
    lines.push(`Copies of your own files (settings, passwords, certificates) are in ${settingsFolder}.`)
  return lines.join('\n')
}

function incomplete({ generation, dataDir, blobs, badFiles }: RestoreReport): CliError {
  const parts = [...blobs.firstBad.map(({ digest, problem }) => `${digest} (${problem})`), ...badFiles]
  const named = `${parts.slice(0, 5).join(', ')}${parts.length > 5 ? ' …' : ''}`
  return new CliError('RESTORE_INCOMPLETE', `${generation} is restored to ${dataDir}, without ${named}`)
}
