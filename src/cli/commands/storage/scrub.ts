import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import type { OpenScrub } from '../../../app/scrub/open-scrub.ts'
import { isLoopback } from '../../../config/plain-http.ts'
import { type CommandContext, createContext, printResult } from '../../context/command-context.ts'
import { loadWithoutDomain } from '../../context/load-without-domain.ts'
import { CliError } from '../../errors/cli-error.ts'
import { describeError } from '../../errors/describe-error.ts'
import type { Io } from '../../io.ts'
import { formatBytes, formatPairs, formatTable, formatTime } from '../../output/table.ts'
import { askPassword } from '../../prompts/ask.ts'

const EXAMPLES = `
Examples:
  berth scrub                    verifies all stored content at scrub-rate; a server does so by itself every scrub-days
  berth scrub --now              as fast as the disk allows, in place of a server that is at it
  berth scrub status             how far the last pass is, and what it found
  berth scrub list               damaged content, and the images and tags that it is in
  berth scrub --repair-from https://mirror.example.com --username ci --password-file /run/secrets/mirror

A pass that is stopped goes on at the same place. Damaged content is not served until an image with it is pushed again, or
it is fetched from the repositories of the same names at another registry. Exit code 1 if there is damaged content.`

/** Time between two lines of progress, in milliseconds. */
const PROGRESS_EVERY_MS = 5_000

/** `berth scrub`. */
export function addScrubCommand(program: Command, io: Io): void {
  const scrub = program
    .command('scrub')
    .description('Verify stored content against its digests, and repair what is damaged.')
    .option('--now', 'as fast as the disk allows, and in place of another process that is at it')
    .option('--again', 'begin anew, even if a pass is under way')
    .option('--repair-from <URL>', 'fetch damaged content from another registry; verifies nothing else')
    .option('--username <NAME>', 'account at that registry')
    .option('--password-stdin', 'take its password from standard input')
    .option('--password-file <FILE>', 'take its password from the first line of a file')
    .option('--ca <FILE>', 'trust this certificate authority (PEM) instead of those of the system')
    .addHelpText('after', EXAMPLES)
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      const url = context.flags['repair-from']
      const client = url === undefined ? undefined : await createClient(context, parseUrl(String(url)))
      await using opened = await openScrubOf(context)
      if (client) await repair(context, opened, client)
      else await verify(context, opened)
    })
  scrub
    .command('status')
    .description('Show how far the last pass is, and what it found.')
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      await using opened = await openScrubOf(context)
      await printStatus(context, opened)
    })
  scrub
    .command('list')
    .description('List damaged content, and the images and tags that it is in.')
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      await using opened = await openScrubOf(context)
      await printDamages(context, opened)
    })
}

async function openScrubOf(context: CommandContext): Promise<OpenScrub> {
  const { openScrub } = await import('../../../app/scrub/open-scrub.ts')
  return openScrub(loadWithoutDomain(context))
}

async function verify(context: CommandContext, opened: OpenScrub): Promise<void> {
  const { flags } = context
  const content = await opened.countContent()
  const undecided: string[] = []
  const { end, checked, bytes, found, repaired } = await opened.scrub({
    isNow: flags.now === true,
    isAnew: flags.again === true,
    onProgress: progressTo(context, content),
    report: {
      onUndecided: (digest) => void undecided.push(digest),
      onFailure: (digest, error) =>
        context.warn(`${digest} is not served, but could not be moved to the quarantine: ${reasonOf(error)}`),
    },
  })
  const { count } = await opened.countDamages()
  const state = end === 'taken-over' ? 'Another process has taken it over after' : 'Verified'
  printResult(
    context,
    { end, checked, bytes, found, repaired, damaged: count },
    `${state}: ${checked} blobs and manifests, ${formatBytes(bytes)}; damaged ${found}, of these mended ${repaired}`,
  )
  if (count > 0) throw damaged(count)
  if (undecided.length > 0) throw notDecided(undecided)
}

/** A push of the last hour may be storing it right now, so it is neither in the list nor kept from clients. */
function notDecided(digests: readonly string[]): CliError {
  const [first] = digests
  const what = digests.length === 1 ? first : `${first} and ${digests.length - 1} more`
  return new CliError(
    'CONTENT_DAMAGED',
    `Damaged or missing, and sent again within the last hour, which may yet mend it: ${what}`,
    { remedy: 'Run "berth scrub --now --again" in an hour; push an image that has it to mend it now' },
  )
}

function damaged(count: number): CliError {
  return new CliError(
    'CONTENT_DAMAGED',
    `Damaged and not served: ${count === 1 ? 'one blob' : `${count} blobs`}`,
  )
}

/** A line now and then on standard error, for a person who waits. */
function progressTo(
  { io, isJson }: CommandContext,
  { count, bytes: all }: { count: number; bytes: number },
): ((progress: { checked: number; bytes: number; found: number }) => void) | undefined {
  if (isJson) return undefined
  let shownAt = performance.now()
  return ({ checked, bytes, found }) => {
    if (performance.now() - shownAt < PROGRESS_EVERY_MS) return
    shownAt = performance.now()
    const share = all === 0 ? 100 : Math.min(100, Math.floor((bytes / all) * 100))
    io.stderr.write(
      `${share} %: ${checked} of ${count}, ${formatBytes(bytes)} of ${formatBytes(all)}, damaged ${found}\n`,
    )
  }
}

type Client = Parameters<OpenScrub['repair']>[0]

async function createClient({ flags, io }: CommandContext, url: string): Promise<Client> {
  const username = typeof flags.username === 'string' ? flags.username : undefined
  if (username !== undefined) requirePrivacy(url)
  const password = username === undefined ? undefined : await readPassword({ flags, io, username })
  const ca = typeof flags.ca === 'string' ? await readText(flags.ca, 'certificate authority') : undefined
  const { createRegistryClient } = await import('../../../client/registry-client.ts')
  return createRegistryClient({
    url,
    trustsRealm: true,
    ...(username !== undefined && password !== undefined && { username, password }),
    ...(ca !== undefined && { ca }),
  })
}

/** A password over plain HTTP is readable on the way. */
function requirePrivacy(url: string): void {
  const { protocol, hostname } = new URL(url)
  if (protocol === 'https:' || isLoopback(hostname.replace(/^\[|\]$/g, ''))) return
  throw new CliError('USAGE', `A password is not sent over plain HTTP to ${hostname}: use https://`)
}

async function readPassword({
  flags,
  io,
  username,
}: Pick<CommandContext, 'flags' | 'io'> & { username: string }): Promise<string> {
  const file = flags['password-file']
  if (typeof file === 'string') return (await readText(file, 'password file')).split(/\r?\n/, 1)[0] ?? ''
  const fromStdin = flags['password-stdin'] === true
  return askPassword(io, { question: `Password of ${username}`, fromStdin, isNew: false })
}

async function readText(file: string, what: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new CliError('USAGE', `The ${what} ${file} cannot be read`, { cause })
  }
}

function parseUrl(text: string): string {
  const url = URL.parse(text)
  if (url && /^https?:$/.test(url.protocol) && url.pathname === '/' && !url.username && !url.password) {
    return url.origin
  }
  throw new CliError('USAGE', 'The URL must be http:// or https:// with host and port only')
}

async function repair(context: CommandContext, opened: OpenScrub, client: Client): Promise<void> {
  const repaired: object[] = []
  const failed: { digest: string; reason: string }[] = []
  for await (const { digest, from, error } of await opened.repair(client)) {
    if (from !== undefined) repaired.push({ digest, from })
    else failed.push({ digest, reason: reasonOf(error) })
    if (!context.isJson) {
      context.io.stderr.write(
        from === undefined ? `FAILED  ${digest}: ${reasonOf(error)}\n` : `ok      ${digest} from ${from}\n`,
      )
    }
  }
  printResult(context, { repaired, failed }, `Repaired ${repaired.length}, failed ${failed.length}`)
  if (failed.length > 0) throw damaged(failed.length)
}

function reasonOf(error: unknown): string {
  return describeError(error).message
}

async function printStatus(context: CommandContext, opened: OpenScrub): Promise<void> {
  const status = await opened.status()
  const { pass, next, content, damages } = status
  const pairs: [string, string][] = [
    ['content', `${content.count} blobs and manifests, ${formatBytes(content.bytes)}`],
  ]
  if (pass) {
    const { startedAt, endedAt, isHeld, checked, bytes, found, repaired } = pass
    const state = isHeld ? 'under way' : 'stopped, goes on by itself'
    pairs.push(
      ['begun', formatTime(startedAt)],
      ['ended', endedAt ? formatTime(endedAt) : state],
      ['verified', `${checked} blobs and manifests, ${formatBytes(bytes)}`],
      ['found', `damaged ${found}, of these mended ${repaired}`],
    )
  } else pairs.push(['begun', 'never'])
  pairs.push(['next', formatTime(next)])
  pairs.push([
    'damaged now',
    damages.count === 0 ? '0' : `${damages.count} since ${formatTime(damages.since)}`,
  ])
  printResult(context, { ...status, pass: pass ?? null, next: next ?? null }, formatPairs(pairs))
}

async function printDamages(context: CommandContext, opened: OpenScrub): Promise<void> {
  const damages = []
  for await (const damage of opened.list()) damages.push(damage)
  const rows = damages.map(({ digest, kind, reason, size, foundSize, foundAt, images, repositories }) => [
    digest,
    kind === 'changed' && foundSize !== undefined && foundSize !== size
      ? `${foundSize} of ${size} bytes`
      : `${NOUNS[kind]}${reason === undefined ? '' : ` (${reason})`}`,
    formatTime(foundAt),
    images.length === 0
      ? repositories.join(' ')
      : images
          .flatMap(({ repository, digest: image, tags }) =>
            tags.length === 0 ? [`${repository}@${image}`] : tags.map((tag) => `${repository}:${tag}`),
          )
          .join(' '),
  ])
  printResult(context, { damages }, formatTable(['DIGEST', 'DAMAGE', 'FOUND', 'IN'], rows))
}

const NOUNS = {
  changed: 'other bytes',
  absent: 'missing',
  'no-file': 'no file',
  unreadable: 'cannot be read',
} as const
