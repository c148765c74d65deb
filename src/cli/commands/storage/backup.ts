import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Command } from 'commander'
import type { BackupReport } from '../../../app/backup/run-backup.ts'
import { readVersion } from '../../../app/product.ts'
import {
  type CommandContext,
  createContext,
  findConfigFile,
  printResult,
} from '../../context/command-context.ts'
import { loadWithoutDomain } from '../../context/load-without-domain.ts'
import { CliError } from '../../errors/cli-error.ts'
import type { Io } from '../../io.ts'
import { formatBytes, formatTable } from '../../output/table.ts'

const EXAMPLES = `
Examples:
  berth backup /mnt/backup/berth             facts and new blobs, also while the server runs
  berth backup /mnt/backup/berth --keep 7    keeps the newest seven complete generations
  berth backup list /mnt/backup/berth        the generations there, and the last runs
  berth backup verify /mnt/backup/berth      restores a part of it elsewhere, and pulls images from there

Without DIR it goes to the folder of the setting backup-to, and keeps as many as backup-keep says.
"berth restore --help" says how to restore.`

/** Manifests of a drill, without another number. */
const DRILL_SIZE = 20
/** Space of a drill in MiB, without another number. */
const DRILL_MIB = 2_048

/** `berth backup`. */
export function addBackupCommand(program: Command, io: Io): void {
  const backup = program
    .command('backup [dir]')
    .description('Back up the facts, the blobs, certificates and settings into a folder.')
    .option('--keep <N>', 'remove older generations, but the newest N complete ones')
    .option('--full', 'read and compare all blobs that are in DIR already, and replace damaged ones')
    .option('--new', 'begin anew in DIR, if it held backups and is empty now')
    .option('--force', 'begin even if DIR has too little room for all of it')
    .addHelpText('after', EXAMPLES)
    .action(async (dir: string | undefined, _options, command: Command) => {
      await backUp(createContext(command, io), dir)
    })
  backup
    .command('list [dir]')
    .description('List the generations in a folder of backups.')
    .action(async (dir: string | undefined, _options, command: Command) => {
      await list(createContext(command, io), dir)
    })
  backup
    .command('verify [dir]')
    .description('Restore a part of a backup elsewhere, start a registry there, and pull images from it.')
    .option('--generation <NAME>', 'the one to verify (default: the newest complete one)')
    .option('--quick', 'only read every byte of it and compare it with its checksum')
    .option('--sample <N>', `images to pull, or all (default: ${DRILL_SIZE})`)
    .option('--seed <TEXT>', 'draws the same images again (default: others each time)')
    .option('--temp <FOLDER>', "folder for the temporary copy (default: the system's)")
    .option('--space <MIB>', `MiB that it may take there, beside the facts (default: ${DRILL_MIB})`)
    .addHelpText('after', VERIFY_EXAMPLES)
    .action(async (dir: string | undefined, _options, command: Command) => {
      const context = createContext(command, io)
      if (context.flags.quick === true) await check(context, dir)
      else await drill(context, dir)
    })
}

const VERIFY_EXAMPLES = `
Examples:
  berth backup verify /mnt/backup/berth                 20 images, others each time
  berth backup verify /mnt/backup/berth --sample all    every image: each of its bytes is read twice
  berth backup verify /mnt/backup/berth --quick         every byte is compared with its checksum, nothing is restored

Exit code 1 if anything is missing or damaged.`

/** The folder that the command names, or that of the settings. */
function findFolder(context: CommandContext, dir: string | undefined): string {
  if (dir !== undefined) return path.resolve(context.io.cwd, dir)
  const { folder } = loadWithoutDomain(context).backup
  if (folder !== undefined) return folder
  throw new CliError('USAGE', 'No folder is given, and the setting backup-to names none')
}

async function backUp(context: CommandContext, dir: string | undefined): Promise<void> {
  const config = loadWithoutDomain(context)
  const { flags } = context
  const keep = readNumber(context, 'keep') ?? (dir === undefined ? config.backup.keep : undefined)
  const { backUp: run } = await import('../../../app/backup/open-backups.ts')
  const report = await run({
    config,
    folder: findFolder(context, dir),
    keep,
    isFull: flags.full === true,
    isNew: flags.new === true,
    isForced: flags.force === true,
    version: readVersion(),
    configFile: findConfigFile(context),
    onProgress: progressTo(context, ({ blobs, newBytes }) => `${blobs} blobs, ${formatBytes(newBytes)} new`),
  })
  const { SCHEMA_COUNT } = await import('../../../app/database/schema-state.ts')
  if (report.schema < SCHEMA_COUNT)
    context.warn(
      `the database has the schema of an earlier version (step ${report.schema} of ${SCHEMA_COUNT}), and so has the backup: that version can restore it, and this one updates what it restores`,
    )
  for (const unread of report.unread) context.warn(`not in the backup: ${unread}`)
  if (!report.isNoted)
    context.warn(
      'the database cannot be written, so that it has no record of this backup; see "berth doctor"',
    )
  if (report.removed === undefined)
    context.warn('old generations stay for now: another process reads this folder')
  const { bad } = report.copied
  if (bad > 0) throw await incomplete(report)
  printResult(context, toJson(report), formatReport(report))
}

function toJson({ folder, generation, schema, copied, removed, unread, factsBytes }: BackupReport): object {
  return { folder, generation, schema, factsBytes, ...copied, removed: removed ?? null, unread }
}

function formatReport({ folder, generation, copied, removed, factsBytes }: BackupReport): string {
  const lines = [
    `${generation} is complete in ${folder}: facts of ${formatBytes(factsBytes)}, ${copied.blobs} blobs of ${formatBytes(copied.bytes)}`,
    `Copied: ${copied.newBlobs} blobs, ${formatBytes(copied.newBytes)}`,
  ]
  if (removed && removed.generations.length + removed.blobs > 0) {
    const names = removed.generations.length > 0 ? ` (${removed.generations.join(', ')})` : ''
    lines.push(
      `Removed: ${removed.generations.length} generations${names}, ${removed.blobs} blobs, ${formatBytes(removed.bytes)}`,
    )
  }
  return lines.join('\n')
}

async function incomplete({ generation, copied }: BackupReport): Promise<CliError> {
  const { describeBad } = await import('../../../app/backup/run-backup.ts')
  return new CliError(
    'BACKUP_INCOMPLETE',
    `The generation ${generation} is there, but ${describeBad(copied.bad, copied.firstBad)}`,
  )
}

async function list(context: CommandContext, dir: string | undefined): Promise<void> {
  const folder = findFolder(context, dir)
  const { listBackups } = await import('../../../app/backup/open-backups.ts')
  const { generations, damaged } = await listBackups(folder)
  for (const one of damaged) context.warn(`the contents of ${one} are damaged: it cannot be restored`)
  const rows = generations.map(({ generation }) => generation).reverse()
  const text = formatTable(
    ['GENERATION', 'STATE', 'BLOBS', 'BYTES', 'FACTS', 'FROM', 'VERSION', 'SCHEMA'],
    rows.map(({ name, bad, blobs, blobBytes, facts, engine, version, schema }) => [
      name,
      bad === 0 ? 'complete' : `${bad} blobs missing`,
      String(blobs),
      formatBytes(blobBytes),
      formatBytes(facts.bytes),
      engine,
      version,
      schema === undefined ? '-' : String(schema),
    ]),
  )
  printResult(context, { folder, generations: rows, damaged }, text)
}

async function check(context: CommandContext, dir: string | undefined): Promise<void> {
  const [{ openGeneration }, { checkGeneration }] = await Promise.all([
    import('../../../app/backup/open-backups.ts'),
    import('../../../app/backup/check-backup.ts'),
  ])
  await using opened = await openGeneration(findFolder(context, dir), readGeneration(context))
  warnOfNewer(context, opened.newerIncomplete)
  const { found, folder } = opened
  const onProgress = progressTo<{ blobs: number; bytes: number }>(
    context,
    ({ blobs, bytes }) => `${blobs} blobs, ${formatBytes(bytes)} read`,
  )
  const { blobs, badFiles } = await checkGeneration(found, folder.blobs, onProgress)
  const count = blobs.bad + badFiles.length
  if (count > 0) {
    const parts = [
      ...badFiles,
      ...blobs.firstBad.slice(0, 5).map(({ digest, problem }) => `${digest} (${problem})`),
    ]
    throw new CliError(
      'BACKUP_DAMAGED',
      `In ${found.generation.name} ${count === 1 ? '1 part is' : `${count} parts are`} missing or damaged: ${parts.join(', ')}`,
    )
  }
  printResult(
    context,
    { generation: found.generation.name, blobs: blobs.blobs, bytes: blobs.bytes },
    `${found.generation.name} is whole: ${blobs.blobs} blobs, ${formatBytes(blobs.bytes)}, all as their checksums say`,
  )
}

async function drill(context: CommandContext, dir: string | undefined): Promise<void> {
  const { flags, io, isJson } = context
  const seed = typeof flags.seed === 'string' ? flags.seed : randomBytes(6).toString('hex')
  const [{ openGeneration }, { drill: run }] = await Promise.all([
    import('../../../app/backup/open-backups.ts'),
    import('../../../app/drill/drill.ts'),
  ])
  await using opened = await openGeneration(findFolder(context, dir), readGeneration(context))
  warnOfNewer(context, opened.newerIncomplete)
  const { found, folder } = opened
  const report = await run({
    found,
    from: folder.blobs,
    tempFolder: typeof flags.temp === 'string' ? path.resolve(io.cwd, flags.temp) : tmpdir(),
    size: flags.sample === 'all' ? 'all' : (readNumber(context, 'sample') ?? DRILL_SIZE),
    seed,
    spaceBytes: (readNumber(context, 'space') ?? DRILL_MIB) * 1024 ** 2,
    onImage: ({ image, bytes, problem }) => {
      if (isJson) return
      io.stdout.write(
        `${problem === undefined ? 'ok    ' : 'FAILED'}  ${image}  ${problem ?? formatBytes(bytes)}\n`,
      )
    },
  })
  const { name } = found.generation
  if (report.bad.length > 0) {
    const [first] = report.bad
    throw new CliError(
      'BACKUP_DAMAGED',
      `${report.bad.length} of ${report.bad.length + report.pulled} images could not be pulled from ${name}, such as ${first?.image}: ${first?.problem}`,
    )
  }
  printResult(
    context,
    { generation: name, seed, ...report },
    `${name} was restored and served: ${report.pulled} of ${report.of} images pulled, ${report.blobs} blobs, ${formatBytes(report.bytes)}, each byte as its digest says (seed ${seed})`,
  )
}

function warnOfNewer(context: CommandContext, newer: string | undefined): void {
  if (newer !== undefined)
    context.warn(`the newest complete generation is used; ${newer} is newer and lacks blobs`)
}

/** The value of `--generation`. */
function readGeneration({ flags }: CommandContext): string | undefined {
  return typeof flags.generation === 'string' ? flags.generation : undefined
}

function readNumber({ flags }: CommandContext, flag: string): number | undefined {
  const value = flags[flag]
  if (value === undefined) return undefined
  const number = /^\d{1,9}$/.test(String(value)) ? Number(value) : 0
  if (number > 0) return number
  throw new CliError('USAGE', `--${flag} must be a whole number from 1 on`)
}

/** Says on standard error how far it is, now and then; a program gets the result only. */
export function progressTo<T>(
  { io, isJson }: CommandContext,
  format: (value: T) => string,
): (value: T) => void {
  let next = performance.now() + PROGRESS_EVERY_MS
  return (value) => {
    if (isJson || performance.now() < next) return
    next = performance.now() + PROGRESS_EVERY_MS
    io.stderr.write(`${format(value)}\n`)
  }
}

/** Time between two lines of progress, in milliseconds. */
const PROGRESS_EVERY_MS = 5_000
