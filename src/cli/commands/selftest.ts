import type { Command } from 'commander'
import type { SelftestStep } from '../../client/selftest.ts'
import type { Config } from '../../config/config.ts'
import { isEveryAddress } from '../../config/listen-address.ts'
import { formatAddress } from '../../config/show/describe.ts'
import { type CommandContext, createContext } from '../context/command-context.ts'
import { readAuthority } from '../context/read-authority.ts'
import { CliError } from '../errors/cli-error.ts'
import { describeError } from '../errors/describe-error.ts'
import type { Io } from '../io.ts'
import { askPassword } from '../prompts/ask.ts'

const EXAMPLES = `
Examples:
  berth selftest --username admin            asks for the password
  pass show berth | berth selftest https://registry.example.com --username ci --password-stdin

It pushes a random image of 1 MiB as USER/berth-selftest, pulls it, checks each digest, and deletes it.
Without a URL it takes that of the server on the data folder, or of the settings.`

/** `berth selftest`. */
export function addSelftestCommand(program: Command, io: Io): void {
  program
    .command('selftest [url]')
    .description('Log in, push, pull, verify and delete against a running registry.')
    .requiredOption('--username <name>', 'who logs in')
    .option('--password-stdin', 'take the password from standard input')
    .option('--ca <FILE>', 'trust this certificate authority (PEM) instead of those of the system')
    .addHelpText('after', EXAMPLES)
    .action(async (text: string | undefined, _options, command: Command) => {
      const context = createContext(command, io)
      const { flags } = context
      const url = text === undefined ? await ownUrl(context) : parseUrl(text)
      const ca = typeof flags.ca === 'string' ? await readAuthority(flags.ca) : undefined
      const username = String(flags.username)
      const fromStdin = flags['password-stdin'] === true
      const password = await askPassword(io, { question: `Password of ${username}`, fromStdin, isNew: false })
      const [{ createRegistryClient }, { selftest }] = await Promise.all([
        import('../../client/registry-client.ts'),
        import('../../client/selftest.ts'),
      ])
      const client = createRegistryClient({ url, username, password, ...(ca === undefined ? {} : { ca }) })
      await report(context, { url, steps: selftest(client, username) })
    })
}

/** Prints each step as it ends. Errors: `CliError` `SELFTEST_FAILED`. */
async function report(
  { io, isJson }: CommandContext,
  { url, steps }: { url: string; steps: AsyncIterable<SelftestStep> },
): Promise<void> {
  const done: SelftestStep[] = []
  for await (const step of steps) {
    done.push(step)
    if (!isJson) io.stdout.write(`${formatStep(step)}\n`)
  }
  const failed = done.find((step) => step.error !== undefined)
  if (isJson) io.stdout.write(`${JSON.stringify({ url, ok: !failed, steps: done.map(toJson) })}\n`)
  else if (!failed) io.stdout.write(`${url} works\n`)
  if (!failed) return
  const { message, remedy } = describeError(failed.error)
  throw new CliError('SELFTEST_FAILED', `The step "${failed.name}" failed: ${message}`, {
    remedy,
    cause: failed.error,
  })
}

function formatStep({ name, ms, error, note }: SelftestStep): string {
  const verdict = error === undefined ? 'ok    ' : 'FAILED'
  return `${verdict}  ${name.padEnd(24)} ${ms.toFixed(1).padStart(8)} ms${note ? `  (${note})` : ''}`
}

function toJson({ name, ms, error, note }: SelftestStep): object {
  return {
    name,
    ok: error === undefined,
    ms: Math.round(ms * 10) / 10,
    ...(note === undefined ? {} : { note }),
  }
}

/** URL of the data folder's server, or of the settings. A folder without data may be the wrong one. */
async function ownUrl(context: CommandContext): Promise<string> {
  const { config, sources } = context.loadServerConfig()
  const url = defaultUrl(config)
  const isGuessed = ['public-url', 'listen-http', 'listen-https', 'domain'] as const
  if (isGuessed.every((name) => sources[name] === 'default')) await warnOfOthers(context, config.dataDir, url)
  return url
}

async function warnOfOthers(context: CommandContext, dataDir: string, url: string): Promise<void> {
  const [{ hasDatabase }, { inWords, serversElsewhere }] = await Promise.all([
    import('../../app/database/lost-database.ts'),
    import('../../app/data/require-data.ts'),
  ])
  const others = hasDatabase(dataDir) ? [] : await serversElsewhere(dataDir)
  if (others.length > 0)
    context.warn(`there is no data of Berth in ${dataDir}, so ${url} is tried; ${inWords(others)}`)
}

function defaultUrl({ publicUrl, listenHttp, listenHttps, frontDoor }: Config): string {
  if (publicUrl !== undefined) return publicUrl
  if (frontDoor && listenHttps?.path === undefined)
    return formatDomainUrl(frontDoor.domains[0], listenHttps?.port)
  const address = listenHttp ?? listenHttps
  if (!address || address.path !== undefined) {
    throw new CliError('USAGE', 'No URL is given, and the settings name no address')
  }
  const host = formatAddress(isEveryAddress(address.host) ? { ...address, host: 'localhost' } : address)
  return `${listenHttp ? 'http' : 'https'}://${host}`
}

function formatDomainUrl(domain: string | undefined, port = 443): string {
  return `https://${domain}${port === 443 ? '' : `:${port}`}`
}

function parseUrl(text: string): string {
  const url = URL.parse(text)
  if (url && /^https?:$/.test(url.protocol) && url.pathname === '/' && !url.username && !url.password) {
    return url.origin
  }
  throw new CliError('USAGE', 'The URL must be http:// or https:// with host and port only')
}
