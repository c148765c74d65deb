import { statSync } from 'node:fs'
import { type CertificateFolders, certificateFolders } from '../../certificates/certificate-folders.ts'
import type { CertificateFinding } from '../../certificates/findings.ts'
import type { Config } from '../../config/config.ts'
import { ConfigError } from '../../config/config-error.ts'
import { loadConfig } from '../../config/load-config.ts'
import type { CommandContext } from '../command-context.ts'

/** Where nginx-proxy's container has its certificates. */
const NGINX_CERTS = '/etc/nginx/certs'
/** Stands for the registry's own name where it is not known: the folder of certificates is of use without it. */
const ANY_DOMAIN = 'localhost'

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
  const { dataDir, frontDoor } = loadFor(context)
  const mounted = statSync(NGINX_CERTS, { throwIfNoEntry: false })?.isDirectory() ? NGINX_CERTS : undefined
  return {
    folders: certificateFolders(dataDir, frontDoor?.certsDir ?? mounted),
    domains: (frontDoor?.domains ?? []).filter((name) => name !== ANY_DOMAIN),
  }
}

function loadFor(context: CommandContext): Config {
  try {
    return context.loadConfig().config
  } catch (error) {
    // A folder without a domain is a mistake of a server's, not of these commands'.
    if (!(error instanceof ConfigError) || error.code !== 'VALUES_CONFLICT') throw error
    const { io, flags } = context
    return loadConfig({ flags: { ...flags, domain: ANY_DOMAIN }, env: io.env, cwd: io.cwd }).config
  }
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
