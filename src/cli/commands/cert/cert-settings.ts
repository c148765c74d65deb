import { statSync } from 'node:fs'
import { readServerRecord } from '../../../app/folders/server-record.ts'
import type { CertificateFinding } from '../../../certificates/check/findings.ts'
import {
  type CertificateFolders,
  certificateFolders,
} from '../../../certificates/folder/certificate-folders.ts'
import type { CommandContext } from '../../context/command-context.ts'
import { ANY_DOMAIN, loadWithoutDomain } from '../../context/load-without-domain.ts'
import { mayMake } from '../../context/new-flag.ts'

/** Folder of certificates in nginx-proxy's container. */
const NGINX_CERTS = '/etc/nginx/certs'

/** Settings of the `cert` commands. */
interface CertSettings {
  readonly dataDir: string
  /** True if the folder of certificates was given, so it is not inside the data folder. */
  readonly areCertsGiven: boolean
  readonly folders: CertificateFolders
  /** The registry's own names, if they are known. */
  readonly domains: readonly string[]
}

/** Help of `--certs`, the same for all commands. */
export const CERTS_HELP =
  'folder of certificates (default: that of the settings or of the server on the data folder, /etc/nginx/certs if it exists, else inside the data folder)'

/** The folders of the settings. Errors: `ConfigError`. */
export function readCertSettings(context: CommandContext): CertSettings {
  const { dataDir, frontDoor } = loadWithoutDomain(context)
  const folders = findFolders(dataDir, frontDoor?.certsDir)
  return {
    dataDir,
    areCertsGiven: folders.installed !== certificateFolders(dataDir, undefined).installed,
    folders,
    domains: (frontDoor?.domains ?? []).filter((name) => name !== ANY_DOMAIN),
  }
}

function findFolders(dataDir: string, given: string | undefined): CertificateFolders {
  const mounted = statSync(NGINX_CERTS, { throwIfNoEntry: false })?.isDirectory() ? NGINX_CERTS : undefined
  return certificateFolders(dataDir, given ?? mounted)
}

/** The folders, of which that of certificates is readable. Errors: `CERTIFICATE_FOLDER_UNUSABLE`, `DATA_NOT_FOUND`. */
export async function readableFolders(context: CommandContext): Promise<CertificateFolders> {
  const { requireFolder } = await import('../../../certificates/folder/require-folder.ts')
  const { dataDir, folders, areCertsGiven } = readCertSettings(context)
  if (!areCertsGiven) await requireCertificateData(dataDir, false)
  await requireFolder(folders.installed, context.flags.certs === undefined)
  return folders
}

/**
 * The settings of a command that writes into the folder of certificates, or with `isAuthority` into that of the own CA.
 * Errors: `DATA_NOT_FOUND` if it would make a data folder without `--new`.
 */
export async function writableSettings(
  context: CommandContext,
  { isAuthority = false } = {},
): Promise<CertSettings> {
  const settings = readCertSettings(context)
  const isInData = isAuthority || !settings.areCertsGiven
  if (isInData && !mayMake(context)) await requireCertificateData(settings.dataDir, true)
  if (!isAuthority) warnOfOtherFolder(context, settings)
  return settings
}

/** Warns if `--certs` names another folder than the server's: a certificate there has no effect. */
function warnOfOtherFolder(context: CommandContext, { dataDir, folders }: CertSettings): void {
  if (context.flags.certs === undefined || !readServerRecord(dataDir)?.isFromHere) return
  const { frontDoor } = context.loadServerConfig({ certs: undefined }).config
  const served = findFolders(dataDir, frontDoor?.certsDir).installed
  if (frontDoor && served !== folders.installed)
    context.warn(`the server of ${dataDir} reads certificates from ${served}, not from ${folders.installed}`)
}

async function requireCertificateData(dataDir: string, takesNew: boolean): Promise<void> {
  const { requireDataFolder } = await import('../../../app/data/require-data.ts')
  await requireDataFolder(dataDir, { takesNew })
}

const MARKS = { error: 'ERROR  ', warning: 'warning', info: 'note   ' } as const

/** Findings for people: the finding, and below it the remedy. */
export function formatFindings(findings: readonly CertificateFinding[]): string {
  return findings
    .map(
      ({ severity, code, sentence, remedy }) =>
        `${MARKS[severity]}  ${sentence}. [${code}]\n         → ${remedy}.`,
    )
    .join('\n')
}
