import { existsSync } from 'node:fs'
import path from 'node:path'
import type { Command } from 'commander'
import type { SetUpAdmin } from '../../../app/setup/ensure-admin.ts'
import type { SettingsPlan, WantedSettings } from '../../../app/setup/settings-file.ts'
import type { Config } from '../../../config/config.ts'
import { OPTION_LIST } from '../../../config/options/options.ts'
import { CONFIG_FILE_VARIABLE } from '../../../config/sources/environment.ts'
import { quoteWord } from '../../command-line/openssl-line.ts'
import { parseDuration } from '../../command-line/parse-duration.ts'
import { addSettingFlags } from '../../command-line/setting-flags.ts'
import {
  type CommandContext,
  createContext,
  findConfigFile,
  printResult,
} from '../../context/command-context.ts'
import { CliError } from '../../errors/cli-error.ts'
import type { Io } from '../../io.ts'
import { askPassword } from '../../prompts/ask.ts'
import { awaitCertificate } from './await-certificate.ts'
import { requireReady } from './require-ready.ts'
import { completeAnswers } from './setup-answers.ts'
import { findService, type Service, startCommands, startService } from './setup-service.ts'

/** Time for the certificate: an order takes seconds; after a failed one the next comes a minute later. */
const DEFAULT_WAIT = '3m'

const EXAMPLES = `
Examples:
  berth setup                                             ask for domain and mail
  berth setup --domain registry.example.com --acme-email admin@example.com
  berth setup --domain registry.example.com --dry-run     check all, and change nothing

It checks DNS, ports, clock and disk, writes the settings, makes the administrator "admin", starts the service and waits
for the certificate. Without an installed service it prints the command that starts the server. Each setting that is
given as a flag is written, too. Run it again after a failed step: what is done stays as it is.`

/** `berth setup`. */
export function addSetupCommand(program: Command, io: Io): void {
  addSettingFlags(program.command('setup'))
    .description('Set up a registry on this machine: settings, administrator, service, certificate.')
    .option('--dry-run', 'check all and print what would be done, and change nothing')
    .option('--force', 'change settings that the settings file has with other values')
    .option('--password-stdin', 'take the password of the administrator from standard input')
    .option('--wait <DURATION>', `longest wait for the certificate (default: ${DEFAULT_WAIT})`)
    .addHelpText('after', EXAMPLES)
    .action(async (options: { wait?: string }, command: Command) => {
      const waitMs = parseDuration(options.wait ?? DEFAULT_WAIT)
      const job = await prepare(command, io)
      await requireReady(job.context, job.config)
      if (job.context.flags['dry-run'] === true) return printPlan(job)
      await carryOut(job, waitMs)
    })
}

/** Everything that is known before anything is changed. */
interface SetupJob {
  readonly context: CommandContext
  readonly config: Config
  readonly domain: string
  readonly plan: SettingsPlan
  /** Undefined: the operator starts the server. */
  readonly service: Service | undefined
  /** Password that was given for the administrator. */
  readonly password: string | undefined
}

/** Reads answers, settings and password. Errors: those of each, and `CliError` `SETTINGS_DIFFER`. */
async function prepare(command: Command, io: Io): Promise<SetupJob> {
  const { planSettings, readSettingsFile, requireWritable } = await import(
    '../../../app/setup/settings-file.ts'
  )
  const installed = await findService(io.env)
  const file =
    findConfigFile(createContext(command, io)) ?? installed?.configFile ?? path.join(io.cwd, 'berth.yaml')
  useFile(command, file)
  const before = await readSettingsFile(file)
  const held = planSettings(file, before, {}).held
  if (String(held.get('version')) === '0.1') {
    throw new CliError(
      'USAGE',
      `${file} is a config.yml of the Distribution registry, which cannot hold settings of Berth`,
      {
        remedy:
          'Name another file with --config, such as berth.yaml; what is set in that one can be given as flags',
      },
    )
  }
  const fromStdin = command.opts().passwordStdin === true
  const given = createContext(command, io).flags
  const answers = await completeAnswers(io, {
    domain: textOf(given.domain) ?? textOf(held.get('domain')),
    mail: textOf(given['acme-email']) ?? textOf(held.get('acme-email')),
    isInputTaken: fromStdin,
  })
  command.setOptionValue('domain', answers.domain)
  if (answers.mail !== undefined) command.setOptionValue('acmeEmail', answers.mail)
  const context = createContext(command, { ...io, env: { ...io.env, [CONFIG_FILE_VARIABLE]: undefined } })
  const { config } = context.loadConfig()
  const plan = planSettings(file, before, wantedSettings(context, config, held.has('data')))
  if (plan.conflicts.length > 0 && context.flags.force !== true) throw differs(plan)
  const service = installed?.configFile === file ? installed : undefined
  await requireWritable(path.dirname(file), 'file')
  // A service makes its data itself, in a folder that systemd makes.
  if (!service) await requireWritable(config.dataDir, 'data')
  const password = fromStdin ? await askPassword(io, { question: '', fromStdin, isNew: true }) : undefined
  const { requireUsable } = await import('../../../app/setup/ensure-admin.ts')
  requireUsable(password)
  return { context, config, domain: answers.domain, plan, service, password }
}

/** Lets the settings be read from a file that exists; one that does not is going to be made. */
function useFile(command: Command, file: string): void {
  command.parent?.setOptionValue('config', existsSync(file) ? file : undefined)
}

function textOf(value: unknown): string | undefined {
  const [first]: unknown[] = Array.isArray(value) ? value : [value]
  return typeof first === 'string' && first !== '' ? first : undefined
}

/** The settings given as flags, with absolute paths; a new file names the data folder, too. */
function wantedSettings({ flags, io }: CommandContext, config: Config, hasData: boolean): WantedSettings {
  const given: Record<string, string | boolean> = {}
  for (const { name, isPath } of OPTION_LIST) {
    const value = flags[name]
    if (typeof value === 'boolean') given[name] = value
    else if (typeof value === 'string') given[name] = isPath ? path.resolve(io.cwd, value) : value
  }
  return { ...(hasData ? {} : { data: config.dataDir }), ...given }
}

function differs({ file, conflicts }: SettingsPlan): CliError {
  const secret = new Set<string>(OPTION_LIST.filter((option) => option.secret).map(({ name }) => name))
  const there = conflicts.map(({ name, value }) => (secret.has(name) ? name : `${name}: ${value}`)).join(', ')
  return new CliError('SETTINGS_DIFFER', `${file} exists, and has other values: ${there}`)
}

function serveCommand({ plan }: SetupJob): string {
  return `berth serve --config ${quoteWord(plan.file)}`
}

function printPlan(job: SetupJob): void {
  const { plan, service, domain, context } = job
  const start = service
    ? startCommands({ service, config: job.config, isChanged: plan.changed.length > 0 }).map((words) =>
        words.join(' '),
      )
    : [serveCommand(job)]
  const settings =
    plan.changed.length > 0
      ? `Would write ${plan.changed.join(', ')} to ${plan.file}`
      : `${plan.file} has all settings`
  const lines = [
    settings,
    'Would make the administrator "admin", if there are no accounts',
    `Would ${service ? 'run' : 'print'}: ${start.join(' && ')}`,
    ...(service ? [`Would wait for the certificate of ${domain}`] : []),
    'Nothing was changed.',
  ]
  printResult(context, { file: plan.file, settings: plan.changed, start, domain }, lines.join('\n'))
}

async function carryOut(job: SetupJob, waitMs: number): Promise<void> {
  const { context, config, plan, service, domain } = job
  const say = (line: string): void => void (context.isJson || context.io.stdout.write(`${line}\n`))
  const { writeSettings } = await import('../../../app/setup/settings-file.ts')
  if (plan.changed.length > 0) await writeSettings(plan)
  say(plan.changed.length > 0 ? `Settings: ${plan.file}` : `Settings: ${plan.file}, as it was`)
  // The service makes its data itself: files that root makes would be out of its reach.
  if (service) await startService(context.io.env, { service, config, isChanged: plan.changed.length > 0 })
  const [{ ensureAdmin, forgetShownPassword }, { isLocked }] = await Promise.all([
    import('../../../app/setup/ensure-admin.ts'),
    import('../../../app/folders/data-folder.ts'),
  ])
  const admin = await ensureAdmin(config, job.password)
  say(describeAdmin(admin))
  const isServed = service === undefined && isLocked(config.dataDir)
  // A server reads its settings as it starts: one that was started with others never serves this domain.
  const isStale = isServed && plan.changed.length > 0
  const runs = service !== undefined || (isServed && !isStale)
  const host = hostOf(job)
  if (context.isJson) {
    // Before the wait, which may fail: the password is shown once.
    const shown = { name: admin.name, password: admin.password ?? null }
    const start = runs ? null : serveCommand(job)
    printResult(context, { file: plan.file, host, admin: shown, start }, '')
  }
  if (admin.password !== undefined) await forgetShownPassword(config.dataDir)
  if (runs) {
    say(`Waiting for the certificate of ${domain}`)
    await awaitCertificate(config, domain, waitMs)
  } else {
    const how = isStale
      ? 'A server runs on this data folder with other settings: stop it, and start it with these'
      : 'Start the server, which gets its certificate by itself'
    say(`${how}:\n\n  ${serveCommand(job)}\n`)
  }
  say(
    `Then log in, and push images named ${host}/${admin.name}/IMAGE:\n\n  docker login ${host} --username ${admin.name}`,
  )
}

function describeAdmin({ name, password, isNew }: SetUpAdmin): string {
  if (password !== undefined) return `User: ${name}\nPassword, shown only now: ${password}`
  return isNew
    ? `User: ${name}, with the given password`
    : 'Accounts are there already: "berth user list" lists them'
}

/** The registry's host as clients name it. */
function hostOf({ config, domain }: SetupJob): string {
  const at = config.listenHttps
  const port = at?.path === undefined ? at?.port : undefined
  return port === undefined || port === 443 ? domain : `${domain}:${port}`
}
