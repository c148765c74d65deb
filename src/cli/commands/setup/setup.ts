import type { Command } from 'commander'
import type { SetUpAdmin } from '../../../app/setup/ensure-admin.ts'
import { quoteWord } from '../../command-line/openssl-line.ts'
import { parseDuration } from '../../command-line/parse-duration.ts'
import { addSettingFlags } from '../../command-line/setting-flags.ts'
import { printResult } from '../../context/command-context.ts'
import { warnOfUpdate } from '../../context/open-data.ts'
import type { Io } from '../../io.ts'
import { writeOut } from '../../process/write-out.ts'
import { awaitCertificate } from './await-certificate.ts'
import { requireReady } from './require-ready.ts'
import { prepareSetup, type SetupJob } from './setup-job.ts'
import { startCommands, startService } from './setup-service.ts'

/** Time for the certificate: an order takes seconds; after a failed one the next comes a minute later. */
const DEFAULT_WAIT = '3m'

const EXAMPLES = `
Examples:
  berth setup                                             ask for domain and mail
  berth setup --domain registry.example.com --acme-email admin@example.com
  berth setup --domain registry.example.com --dry-run     check all, and change nothing

It checks DNS, ports, clock and disk, writes the settings, makes the administrator "admin", starts the service and waits
for the certificate. Without an installed service it prints the command that starts the server: a "docker run" where
Docker is there. Each setting that is given as a flag or as a variable is written, too. Run it again after a failed
step: what is done stays as it is.`

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
      const job = await prepareSetup(command, io)
      await requireReady(job.context, job.config)
      if (job.context.flags['dry-run'] === true) return await printPlan(job)
      await carryOut(job, waitMs)
    })
}

/** Prints what would be done. */
async function printPlan(job: SetupJob): Promise<void> {
  const { plan, service, domain, context } = job
  const start = service
    ? startCommands({ service, config: job.config, isChanged: plan.changed.length > 0 }).map((words) =>
        words.join(' '),
      )
    : [(await findStart(job)).command]
  const settings =
    plan.changed.length > 0
      ? `Would write ${plan.changed.join(', ')} to ${plan.file}`
      : `${plan.file} has all settings`
  const lines = [
    ...job.found.map(describeAnswer),
    settings,
    'Would make the administrator "admin", if there are no accounts',
    `Would ${service ? 'run' : 'print'}: ${start.join(' && ')}`,
    ...(service ? [`Would wait for the certificate of ${domain}`] : []),
    'Nothing was changed.',
  ]
  const { found } = job
  printResult(context, { file: plan.file, settings: plan.changed, start, domain, found }, lines.join('\n'))
}

async function carryOut(job: SetupJob, waitMs: number): Promise<void> {
  const { context, config, plan, service, domain } = job
  const say = async (line: string): Promise<void> => {
    if (!context.isJson) await writeOut(context.io, `${line}\n`)
  }
  for (const answer of job.found) await say(describeAnswer(answer))
  const { writeSettings } = await import('../../../app/setup/settings-file.ts')
  if (plan.changed.length > 0) await writeSettings(plan)
  await say(plan.changed.length > 0 ? `Settings: ${plan.file}` : `Settings: ${plan.file}, as it was`)
  // The service makes its data itself: files that root makes would be out of its reach.
  if (service) await startService(context.io.env, { service, config, isChanged: plan.changed.length > 0 })
  const { ensureAdmin, forgetShownPassword } = await import('../../../app/setup/ensure-admin.ts')
  const admin = await ensureAdmin(config, { given: job.password, onUpdate: warnOfUpdate(context) })
  const start = await findStart(job)
  // Before the wait, which may fail: the password is shown once.
  if (context.isJson) {
    const shown = { name: admin.name, password: admin.password ?? null }
    const value = {
      ...{ file: plan.file, host: hostOf(job), admin: shown },
      ...{ start: start.isRunning ? null : start.command, found: job.found },
    }
    await writeOut(context.io, `${JSON.stringify(value)}\n`)
  } else await say(describeAdmin(admin))
  // Only now, as it has been shown: until then another run shows it.
  if (admin.password !== undefined) await forgetShownPassword(config.dataDir)
  if (start.isRunning) {
    await say(`Waiting for the certificate of ${domain}`)
    await awaitCertificate(config, domain, waitMs)
  } else await say(start.text)
  await say(describeLogIn(hostOf(job), admin.name))
}

/** Start of the server. */
interface Start {
  /** True if the server runs with these settings. */
  readonly isRunning: boolean
  readonly command: string
  /** The command, and what to know about it. */
  readonly text: string
}

/** The start of a server without a service: in a container where Docker is there and the settings fit one. */
async function findStart({ config, plan, service, engine }: SetupJob): Promise<Start> {
  const [{ isLocked }, { findRunCommand }] = await Promise.all([
    import('../../../app/folders/data-folder.ts'),
    import('../../../app/setup/container-command.ts'),
  ])
  const isServed = service === undefined && isLocked(config.dataDir)
  // A server reads its settings as it starts: one that was started with others never serves this domain.
  const isStale = isServed && plan.changed.length > 0
  const serve = `berth serve --config ${quoteWord(plan.file)}`
  const words = engine && (await findRunCommand({ config, file: plan.file, image: engine.image }))
  const run = words?.map(quoteWord).join(' ')
  const how = isStale
    ? 'A server runs on this data folder with other settings: stop it, and start it with these'
    : 'Start the server, which gets its certificate by itself'
  const load =
    run && !engine?.hasImage
      ? `\nFirst load the image ${engine?.image}, which Docker here does not have: docker load --input FILE\n`
      : ''
  const without = run ? `\nWithout a container:\n\n  ${serve}\n` : ''
  return {
    isRunning: service !== undefined || (isServed && !isStale),
    command: run ?? serve,
    text: `${how}:\n\n  ${run ?? serve}\n${load}${without}`,
  }
}

function describeAnswer({ name, value, source }: SetupJob['found'][number]): string {
  return `${name}: ${value}, from ${source}`
}

function describeAdmin({ name, password, isNew }: SetUpAdmin): string {
  if (password !== undefined) return `User: ${name}\nPassword, shown only now: ${password}`
  return isNew
    ? `User: ${name}, with the given password`
    : 'Accounts are there already: "berth user list" lists them'
}

function describeLogIn(host: string, user: string): string {
  return `Then log in, and push images named ${host}/${user}/IMAGE:\n\n  docker login ${host} --username ${user}`
}

/** The registry's host as clients name it. */
function hostOf({ config, domain }: SetupJob): string {
  const at = config.listenHttps
  const port = at?.path === undefined ? at?.port : undefined
  return port === undefined || port === 443 ? domain : `${domain}:${port}`
}
