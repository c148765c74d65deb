import type { Command } from 'commander'
import { readVersion } from '../../app/product.ts'
import { type CommandContext, createContext, printResult } from '../context/command-context.ts'
import { readAuthority } from '../context/read-authority.ts'
import { CliError } from '../errors/cli-error.ts'
import type { Io } from '../io.ts'

const EXAMPLES = `
Examples:
  berth version
  berth version --check https://mirror.example.com/berth.json

Nothing is contacted without --check. With it the document at that address, of a mirror of your own, is read:
{"version": "1.2.3", "notes": "https://…"}. Nothing about this Berth is sent.
Exit code 1 if the mirror has a newer version, or cannot be read.`

/** `berth version`. */
export function addVersionCommand(program: Command, io: Io): void {
  program
    .command('version')
    .description(
      'Print the version of Berth and of the Node it runs on; with --check, whether it is the newest.',
    )
    .option('--check <URL>', 'compare it with the document at this https:// address')
    .option('--ca <FILE>', 'trust this certificate authority (PEM) instead of those of the system')
    .option('--plain-http', 'allow an http:// address, whose answer anybody on the way can change')
    .addHelpText('after', EXAMPLES)
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      const version = readVersion()
      const value = { name: 'berth', version, node: process.versions.node }
      const line = `berth ${version} (node ${value.node})`
      if (typeof context.flags.check !== 'string') printResult(context, value, line)
      else await check(context, { value, line, url: context.flags.check })
    })
}

async function check(
  context: CommandContext,
  { value, line, url }: { value: { readonly version: string }; line: string; url: string },
): Promise<void> {
  requireAddress(url, context.flags['plain-http'] === true)
  const [{ readNewestVersion }, { compareVersions, parseVersion }] = await Promise.all([
    import('../../client/read-newest-version.ts'),
    import('../../policies/retention/version.ts'),
  ])
  const { ca } = context.flags
  const authority = typeof ca === 'string' ? await readAuthority(ca) : undefined
  const newest = await readNewestVersion(url, authority).catch((cause: unknown) => {
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new CliError('VERSION_UNREADABLE', message, { cause })
  })
  const [own, other] = [parseVersion(value.version), parseVersion(newest.version)]
  if (!own || !other) {
    throw new CliError('VERSION_UNREADABLE', `"${newest.version}" is no version such as 1.2.3`)
  }
  const isNewest = compareVersions(own, other) >= 0
  const shown = { ...value, newest: newest.version, notes: newest.notes ?? null, isNewest }
  if (isNewest)
    return printResult(context, shown, `${line}\nThe mirror has none that is newer: ${newest.version}`)
  printResult(context, shown, line)
  const notes = newest.notes === undefined ? '' : `; what is new: ${newest.notes}`
  throw new CliError('VERSION_OLD', `Version ${newest.version} is out${notes}`)
}

function requireAddress(text: string, allowsHttp: boolean): void {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url && (url.username !== '' || url.password !== ''))
    throw new CliError('USAGE', 'The address given to --check must not hold a password')
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && allowsHttp)) return
  throw new CliError('USAGE', `--check takes an https:// address, or with --plain-http an http:// one`)
}
