import { statSync } from 'node:fs'
import { type CertificateFolders, certificateFolders } from '../../certificates/certificate-folders.ts'
import type { CertificateFinding } from '../../certificates/findings.ts'
import type { CommandContext } from '../command-context.ts'
import { ANY_DOMAIN, loadWithoutDomain } from './load-without-domain.ts'

/** Where nginx-proxy's container has its certificates. */
const NGINX_CERTS = '/etc/nginx/certs'

/** What the `cert` commands need to know of the configuration. */
export interface CertSettings {
  readonly folders: CertificateFolders
  /** The registry's own names, where they are known. */
  readonly domains: readonly string[]
}

/** Help of `--certs`, the same for all commands. */
export const CERTS_HELP =
  'folder of certificates (default: that of the settings, /etc/nginx/certs if it exists, else inside the data folder)'

/** The folders of the settings. Errors: `ConfigError`. */
export function readCertSettings(context: CommandContext): CertSettings {
  const { dataDir, frontDoor } = loadWithoutDomain(context)
  const mounted = statSync(NGINX_CERTS, { throwIfNoEntry: false })?.isDirectory() ? NGINX_CERTS : undefined
  return {
    folders: certificateFolders(dataDir, frontDoor?.certsDir ?? mounted),
    domains: (frontDoor?.domains ?? []).filter((name) => name !== ANY_DOMAIN),
  }
}

/** The folders, of which that of certificates can be looked into. Errors: `CERTIFICATE_FOLDER_UNUSABLE`. */
export async function readableFolders(context: CommandContext): Promise<CertificateFolders> {
  const { requireFolder } = await import('../../certificates/require-folder.ts')
  const { folders } = readCertSettings(context)
  await requireFolder(folders.installed, context.flags.certs === undefined)
  return folders
}

const MARKS = { error: 'ERROR  ', warning: 'warning', info: 'note   ' } as const

/** Findings for people: what, and below it what to do. */
export function formatFindings(findings: readonly CertificateFinding[]): string {
  return findings
    .map(
      ({ severity, code, sentence, remedy }) =>
        `${MARKS[severity]}  ${sentence}. [${code}]\n         → ${remedy}.`,
    )
    .join('\n')
}
