import type { ClientDemand } from './client-certificates.ts'
import { explainPath } from './explain.ts'
import type { Site } from './site.ts'
import type { PathDeclaration, SiteSource, UpstreamServer } from './site-declaration.ts'

/**
 * - `up`: serves.
 * - `degraded`: serves, but not as declared.
 * - `down`: answers 503, since no server is reachable.
 * - `closed`: answers 503, since its protection, a vhost file or the CAs of its clients, cannot be used.
 */
type SiteState = 'up' | 'degraded' | 'down' | 'closed'

/** Status of a host for `berth site list`. */
export interface SiteStatus {
  readonly host: string
  /** `registry`, `berth.yaml`, or the containers' names. */
  readonly source: string
  readonly state: SiteState
  /** Reason why it is not simply up, a sentence; undefined if it is. */
  readonly cause: string | undefined
  /** Remedy. */
  readonly fix: string | undefined
  /** Its certificate, in words. */
  readonly certificate: string
  readonly servers: readonly ServerStatus[]
  /** Faults and their handling. */
  readonly warnings: readonly string[]
}

/** A server of a site. */
interface ServerStatus {
  readonly path: string
  readonly name: string
  readonly address: string
  readonly health: UpstreamServer['health']
  readonly problem: string | undefined
}

/** Facts of a host's certificate. */
export type CertificateStatus =
  | { readonly kind: 'present'; readonly text: string; readonly problem?: undefined }
  | { readonly kind: 'missing'; readonly text: string; readonly problem: string; readonly remedy: string }

interface Judgement {
  readonly state: SiteState
  readonly cause: string | undefined
  readonly fix: string | undefined
}

/** Judges a site. Pure: the same site, certificate and demand give the same words. */
export function describeSite(
  site: Site,
  certificate: CertificateStatus,
  demand: ClientDemand = { kind: 'none' },
): SiteStatus {
  const { declaration, server } = site
  return {
    host: declaration.host,
    source: sourceInWords(declaration.source),
    ...judge(site, certificate, demand),
    certificate:
      declaration.httpsMethod === 'nohttps' ? 'not used' : `${certificate.text}${demandInWords(demand)}`,
    servers: declaration.paths.flatMap(describeServers),
    warnings: [
      ...declaration.warnings,
      ...server.problems
        .filter(({ severity }) => severity === 'warns')
        .map(({ file, line, message }) => `${file}:${line}: ${message}`),
    ],
  }
}

function demandInWords(demand: ClientDemand): string {
  if (demand.kind !== 'requested') return ''
  const { mode, authority } = demand
  return `; ${mode === 'on' ? 'visitors must' : 'visitors may'} show one of ${authority.file}${mode === 'optional_no_ca' ? ', or of any CA' : ''}`
}

function judge(site: Site, certificate: CertificateStatus, demand: ClientDemand): Judgement {
  const { declaration, closed } = site
  if (closed) {
    return {
      state: 'closed',
      cause: closed.reason,
      fix: 'Mend that line, or take the file away; "berth site check" shows all that is wrong. It is read again at once',
    }
  }
  if (demand.kind === 'closed') return { state: 'closed', cause: demand.problem, fix: demand.remedy }
  const paths = declaration.paths.map(explainPath)
  const down = paths.find(({ state }) => state === 'down')
  if (down && paths.every(({ state }) => state === 'down')) return down
  if (certificate.kind === 'missing' && declaration.httpsMethod !== 'nohttps') {
    return { state: 'degraded', cause: certificate.problem, fix: certificate.remedy }
  }
  const worse = down ?? paths.find(({ state }) => state === 'degraded')
  return worse ? { ...worse, state: 'degraded' } : UP
}

const UP: Judgement = { state: 'up', cause: undefined, fix: undefined }

function describeServers({ path, target }: PathDeclaration): ServerStatus[] {
  if (target.kind !== 'upstream') return []
  const { servers, protocol } = target.upstream
  return servers.map(({ name, host, port, health, problem }) => ({
    path,
    name,
    address: `${protocol}://${host.includes(':') ? `[${host}]` : host}:${port}`,
    health,
    problem,
  }))
}

function sourceInWords(source: SiteSource): string {
  switch (source.kind) {
    case 'registry':
      return 'registry'
    case 'config':
      return source.file
    case 'docker':
      return source.containers.join(', ')
  }
}
