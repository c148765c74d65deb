import { existsSync } from 'node:fs'
import path from 'node:path'
import type { Command } from 'commander'
import { readVersion } from '../../../app/product.ts'
import type { Engine } from '../../../app/setup/container-command.ts'
import type { SettingsPlan, WantedSettings } from '../../../app/setup/settings-file.ts'
import type { Config } from '../../../config/config.ts'
import { CONFIG_FILE_VARIABLE } from '../../../config/sources/environment.ts'
import { type CommandContext, createContext, findConfigFile } from '../../context/command-context.ts'
import { CliError } from '../../errors/cli-error.ts'
import type { Io } from '../../io.ts'
import { askPassword } from '../../prompts/ask.ts'
import { type GivenSettings, readGivenSettings, showValue, toWritten } from './given-settings.ts'
import { completeAnswers } from './setup-answers.ts'
import { findService, type Service } from './setup-service.ts'

/** Everything that is known before anything is changed. */
export interface SetupJob {
  readonly context: CommandContext
  readonly config: Config
  /** The registry's own name, the first if there are several. */
  readonly domain: string
  /** Answers that were neither typed nor given as flags. */
  readonly found: readonly FoundAnswer[]
  readonly plan: SettingsPlan
  /** Undefined: the operator starts the server. */
  readonly service: Service | undefined
  /** Docker, where no service is installed; undefined without one. */
  readonly engine: Engine | undefined
  /** Password that was given for the administrator. */
  readonly password: string | undefined
}

/** A setting of a variable or of the settings file that counts as an answer. */
interface FoundAnswer {
  readonly name: string
  /** As it may be shown. */
  readonly value: string
  readonly source: string
}

/** Reads answers, settings and password. Errors: those of each, and `CliError` `SETTINGS_DIFFER`. */
export async function prepareSetup(command: Command, io: Io): Promise<SetupJob> {
  const { planSettings, readSettingsFile, requireWritable } = await import(
    '../../../app/setup/settings-file.ts'
  )
  const installed = await findService(io.env)
  const file =
    findConfigFile(createContext(command, io)) ?? installed?.configFile ?? path.join(io.cwd, 'berth.yaml')
  useFile(command, file)
  const before = await readSettingsFile(file)
  const { held } = planSettings(file, before, {})
  requireOwnFile(file, held)
  const fromStdin = command.opts().passwordStdin === true
  const given = readGivenSettings(createContext(command, io), held)
  await answerAll(command, io, { given, held, fromStdin })
  const context = createContext(command, { ...io, env: { ...io.env, [CONFIG_FILE_VARIABLE]: undefined } })
  const { config } = context.loadConfig()
  const all = readGivenSettings(context, held)
  const plan = planSettings(file, before, wantedSettings(all, config, held.has('data')))
  if (plan.conflicts.length > 0 && context.flags.force !== true) throw differs(plan, all)
  const service = installed?.configFile === file ? installed : undefined
  await requireWritable(path.dirname(file), 'file')
  // A service makes its data itself, in a folder that systemd makes.
  if (!service) await requireWritable(config.dataDir, 'data')
  const typed = fromStdin ? await askPassword(io, { question: '', fromStdin, isNew: true }) : undefined
  const [{ findGivenPassword }, { findEngine }] = await Promise.all([
    import('../../../app/setup/ensure-admin.ts'),
    import('../../../app/setup/container-command.ts'),
  ])
  const password = await findGivenPassword(config, typed)
  const [domain = ''] = config.frontDoor?.domains ?? []
  const engine = service ? undefined : await findEngine(io.env, readVersion())
  return { context, config, domain, found: findAnswers(given, held, file), plan, service, engine, password }
}

/** Lets the settings be read from a file that exists; one that does not is going to be made. */
function useFile(command: Command, file: string): void {
  command.parent?.setOptionValue('config', existsSync(file) ? file : undefined)
}

function requireOwnFile(file: string, held: ReadonlyMap<string, unknown>): void {
  if (String(held.get('version')) !== '0.1') return
  throw new CliError(
    'USAGE',
    `${file} is a config.yml of the Distribution registry, which cannot hold settings of Berth`,
    {
      remedy:
        'Name another file with --config, such as berth.yaml; what is set in that one can be given as flags',
    },
  )
}

/** Sources of answers, before the questions. */
interface AnswerSources {
  readonly given: GivenSettings
  readonly held: ReadonlyMap<string, unknown>
  readonly fromStdin: boolean
}

/** Asks for what is missing, and makes each answer the value of its flag. */
async function answerAll(command: Command, io: Io, { given, held, fromStdin }: AnswerSources): Promise<void> {
  const known = {
    domain: textOf(given.get('domain')?.value ?? held.get('domain')),
    mail: textOf(given.get('acme-email')?.value ?? held.get('acme-email')),
  }
  const answers = await completeAnswers(createContext(command, io), { ...known, isInputTaken: fromStdin })
  if (known.domain === undefined) command.setOptionValue('domain', answers.domain)
  if (known.mail === undefined && answers.mail !== undefined)
    command.setOptionValue('acmeEmail', answers.mail)
}

/** A text, or the texts of a list, separated by commas. */
function textOf(value: unknown): string | undefined {
  const parts = Array.isArray(value) || typeof value === 'string' ? String(value).split(',') : []
  const text = parts.map((part) => part.trim()).join(',')
  return text === '' ? undefined : text
}

/** The given settings as they are written; a new file names the data folder, too. */
function wantedSettings(given: GivenSettings, config: Config, hasData: boolean): WantedSettings {
  const wanted = [...given].map(([name, value]) => [name, toWritten(name, value)])
  return { ...(hasData ? {} : { data: config.dataDir }), ...Object.fromEntries(wanted) }
}

/** Variables that count as answers, and the domain and the mail address of the file. */
function findAnswers(
  given: GivenSettings,
  held: ReadonlyMap<string, unknown>,
  file: string,
): readonly FoundAnswer[] {
  const ofVariables = [...given].flatMap(([name, { value, source }]) =>
    source.startsWith('--') ? [] : [{ name, value: showValue(name, value), source }],
  )
  const ofFile = ['domain', 'acme-email'].flatMap((name) => {
    const value = given.has(name) ? undefined : textOf(held.get(name))
    return value === undefined ? [] : [{ name, value, source: file }]
  })
  return [...ofVariables, ...ofFile]
}

function differs({ file, conflicts }: SettingsPlan, given: GivenSettings): CliError {
  const isOfVariable = (name: string): boolean => !(given.get(name)?.source.startsWith('--') ?? true)
  const there = conflicts.map(({ name, value }) => `${name}: ${showValue(name, value)}`)
  const variables = conflicts.flatMap(({ name }) =>
    isOfVariable(name) ? [given.get(name)?.source ?? ''] : [],
  )
  const message = `${file} exists, and has other values: ${there.join(', ')}`
  if (variables.length === 0) return new CliError('SETTINGS_DIFFER', message)
  return new CliError('SETTINGS_DIFFER', message, {
    remedy: `Give --force to change them, or leave the flags out and unset ${variables.join(', ')}`,
  })
}
