import type { X509Certificate } from 'node:crypto'
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { CertificateFinding } from '../../../certificates/check/findings.ts'
import { repeatPlace } from '../../command-line/own-commands.ts'
import { type CommandContext, createContext, printResult } from '../../context/command-context.ts'
import { CliError } from '../../errors/cli-error.ts'
import type { Io } from '../../io.ts'
import { CERTS_HELP, formatFindings, readableFolders, readCertSettings } from './cert-settings.ts'

const EXAMPLES = `
Examples:
  berth cert check                               every pair in the folder of certificates
  berth cert check registry.example.com          what a live host serves, as Docker's client sees it
  berth cert check registry.example.com:5000 --connect 10.0.0.7
  berth cert check bundle.crt my.key --host registry.example.com

A live host is asked with its name; its chain is judged as it is served, with the roots of this system and nothing
fetched from elsewhere, and compared with what is in the folder of certificates here. Files are only read.
Exit code 1 if clients will refuse what was found.`

/** Endings of certificate and key files, none of which ends a host name, or a path. */
const FILE_NAME = /\.(?:crt|cer|pem|key|der|p7b|p7c|pfx|p12|csr|txt)$|^(?!https:).*\/./i

/** Subject and result of one check. */
interface Report {
  readonly target: string
  readonly isAccepted: boolean
  /** Remarks, in words. */
  readonly facts: readonly string[]
  readonly findings: readonly CertificateFinding[]
}

/** `berth cert check`. */
export function addCertCheck(cert: Command, io: Io): void {
  cert
    .command('check [targets...]')
    .description('Check certificates, in files or of a live host: each fault with its remedy.')
    .option('--host <NAME>', 'host the files are for')
    .option('--connect <ADDRESS>', 'address to connect to, in place of that of the name')
    .option('--ca <FILE>', 'root certificate of your own CA, to trust as your clients do')
    .option('--certs <DIR>', CERTS_HELP)
    .addHelpText('after', EXAMPLES)
    .action(async (targets: string[], _options, command: Command) => {
      const context = createContext(command, io)
      const reports = await check(context, targets)
      printResult(
        context,
        { certificates: reports },
        repeatPlace(reports.map(inWords).join('\n\n') || noneInWords(context), context.flags),
      )
      const faulty = reports.filter(({ findings }) => findings.some(({ severity }) => severity === 'error'))
      if (faulty.length > 0) {
        throw new CliError(
          'CERTIFICATE_FAULTY',
          `Clients refuse ${faulty.map(({ target }) => target).join(', ')}`,
        )
      }
    })
}

function noneInWords(context: CommandContext): string {
  const { installed, issued } = readCertSettings(context).folders
  return `There are no certificates in ${installed} and ${issued}`
}

async function check(context: CommandContext, targets: readonly string[]): Promise<Report[]> {
  if (targets.length === 0) return await checkFolder(context)
  const files = targets.filter((target) => isFile(context, target))
  const hosts = targets.filter((target) => !files.includes(target))
  const reports = files.length > 0 ? [await checkGiven(context, files)] : []
  for (const host of hosts) reports.push(await checkLive(context, host))
  return reports
}

async function checkFolder(context: CommandContext): Promise<Report[]> {
  const folders = await readableFolders(context)
  const { checkFolders } = await import('../../../certificates/check/check-folders.ts')
  return await checkFolders(folders, await givenRoots(context))
}

async function checkGiven(context: CommandContext, files: readonly string[]): Promise<Report> {
  const [{ checkFiles }, { readMailedFiles }, { readCertificateFiles }, { readAuthority, readSystemRoots }] =
    await Promise.all([
      import('../../../certificates/check/check-files.ts'),
      import('../../../certificates/x509/mailed-files.ts'),
      import('../../../certificates/folder/read-certificate-files.ts'),
      import('../../../certificates/check/trusted-roots.ts'),
    ])
  const { host } = context.flags
  const content = readMailedFiles(
    await readCertificateFiles(files.map((file) => resolve(context.io.cwd, file))),
  )
  const { findings, isAccepted } = await checkFiles({
    content,
    hosts: typeof host === 'string' ? [host] : [],
    isKeyExpected: content.keys.length + content.encryptedKeys.length > 0,
    roots: [...readSystemRoots(), ...(await givenRoots(context))],
    ownRoots: await readAuthority(readCertSettings(context).folders.authority),
    now: Date.now(),
  })
  return { target: files.join(', '), isAccepted, facts: [], findings }
}

async function checkLive(context: CommandContext, target: string): Promise<Report> {
  const { checkHost } = await import('../../../certificates/check/check-host.ts')
  const { host, port } = parseTarget(target)
  const { connect } = context.flags
  const { folders } = readCertSettings(context)
  const address = { host, port, connectTo: typeof connect === 'string' ? connect : undefined }
  return { target, ...(await checkHost(address, folders, await givenRoots(context))) }
}

/** Roots of `--ca`. */
async function givenRoots({ io, flags }: CommandContext): Promise<X509Certificate[]> {
  if (typeof flags.ca !== 'string') return []
  const { readOwnRoots } = await import('../../../certificates/check/trusted-roots.ts')
  return await readOwnRoots([resolve(io.cwd, flags.ca)])
}

function parseTarget(target: string): { host: string; port: number } {
  const [, host, digits] =
    /^(?:https:\/\/)?(\[[0-9a-fA-F:.]+\]|[^:/[\]]+)(?::(\d{1,5}))?\/?$/.exec(target) ?? []
  const port = digits === undefined ? 443 : Number(digits)
  if (host !== undefined && port > 0 && port <= 65_535) return { host: host.replace(/^\[|\]$/g, ''), port }
  throw new CliError('USAGE', `${target} is neither a file nor a host`)
}

/** True for an existing file, and for a name of the form of one: a missing file must not be looked up in the DNS. */
function isFile({ io }: CommandContext, target: string): boolean {
  if (FILE_NAME.test(target)) return true
  try {
    const stats = statSync(resolve(io.cwd, target), { throwIfNoEntry: false })
    return stats !== undefined && (stats.isFile() || target.endsWith('/'))
  } catch {
    // It exists; reading it will give the error.
    return true
  }
}

function inWords({ target, isAccepted, facts, findings }: Report): string {
  const verdict = isAccepted
    ? 'Docker and other clients accept it.'
    : findings.some(({ severity }) => severity === 'error')
      ? 'Docker refuses it.'
      : 'Docker accepts it only where its root was made known.'
  return [
    `${target}: ${verdict}`,
    ...facts.map((fact) => `  ${fact}`),
    ...(findings.length > 0 ? [formatFindings(findings)] : []),
  ].join('\n')
}
