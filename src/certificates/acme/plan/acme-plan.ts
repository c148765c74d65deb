import { isReservedName, toPairName } from '../../install/install-pair.ts'
import { hostKey } from '../../x509/x509-facts.ts'
import { MAX_NAMES } from '../client/acme-order.ts'
import type { AcmeDefaults, AcmePlan, AcmeWish } from './acme-wish.ts'
import { classifyName, nameSetId } from './certificate-names.ts'

/** An actual or possible obstacle to a certificate. */
export interface PreflightFinding {
  /** `error`: the CA will refuse. `warning`: it may, or it sees the network otherwise than this machine. */
  readonly severity: 'error' | 'warning'
  /** The affected name; undefined: all. */
  readonly name: string | undefined
  readonly message: string
  readonly remedy: string
}

/** Result of planning a wish. `local`: no order is made, a certificate of Berth's own CA is to be served. */
type PlannedWish =
  | { readonly kind: 'local'; readonly id: string; readonly names: readonly string[] }
  | { readonly kind: 'order'; readonly plan: AcmePlan; readonly findings: readonly PreflightFinding[] }

/** Public CAs with a staging directory. */
const STAGING: Readonly<Record<string, string>> = {
  'https://acme-v02.api.letsencrypt.org/directory': 'https://acme-staging-v02.api.letsencrypt.org/directory',
}

/**
 * Fills the defaults into a wish and checks its names: those no CA signs are left out with a warning; if none is left,
 * the wish is local.
 */
export function planWish(wish: AcmeWish, defaults: AcmeDefaults): PlannedWish {
  const hosts = [...new Set(wish.hosts.map(hostKey))]
  const wished = wish.directory ?? defaults.directory
  const isOwnCa = defaults.directoryCaFile !== undefined || isLocalUrl(wished)
  const names = hosts.filter((host) => isSignable(host, isOwnCa))
  const localNames = hosts.filter((host) => classifyName(host) === 'local' && !isReserved(host))
  if (names.length === 0 && localNames.length > 0)
    return { kind: 'local', id: nameSetId(hosts), names: localNames }
  // A key, a profile or a staging side of one CA has no meaning at another.
  const own = wished === defaults.directory ? defaults : undefined
  const staging = STAGING[wished] ?? own?.stagingDirectory
  const directory = wish.isTest ? (staging ?? wished) : wished
  const plan: AcmePlan = {
    id: nameSetId(hosts),
    pairName: toPairName(names[0] ?? ''),
    names,
    directory,
    stagingDirectory: staging === directory ? undefined : staging,
    email: wish.email ?? defaults.email,
    eab: wish.eab ?? own?.eab,
    profile: wish.profile ?? own?.profile,
    preferredChain: wish.preferredChain ?? defaults.preferredChain,
    keyType: wish.keyType ?? defaults.keyType ?? 'ec-256',
    challenge: wish.challenge ?? defaults.challenge,
    isTest: wish.isTest,
    isOtherCa: own === undefined,
    isOwnCa,
  }
  const leftOut = hosts.filter((host) => !names.includes(host)).map(describeLeftOut)
  const isRealTest = wish.isTest && staging === undefined && !Object.values(STAGING).includes(wished)
  const noStaging = isRealTest ? [describeNoStaging(wished)] : []
  return { kind: 'order', plan, findings: [...leftOut, ...noStaging, ...checkPlan(plan, defaults)] }
}

/** Problems of a plan that show without any network access. */
function checkPlan(plan: AcmePlan, defaults: AcmeDefaults): PreflightFinding[] {
  const findings: PreflightFinding[] = []
  const error = (name: string | undefined, message: string, remedy: string): void => {
    findings.push({ severity: 'error', name, message, remedy })
  }
  const hasDns = defaults.dnsHook !== undefined || defaults.dnsServer !== undefined
  const noDns = 'Set acme-dns-hook, or acme-dns-server and acme-dns-key.'
  if (plan.names.length === 0)
    error(
      undefined,
      'none of the names can stand in a certificate',
      'Name hosts: patterns have no certificate.',
    )
  if (plan.names.length > MAX_NAMES)
    error(
      undefined,
      `${plan.names.length} names are too many for one certificate`,
      `Ask for ${MAX_NAMES} at most.`,
    )
  if (plan.challenge === 'dns-01' && !hasDns) error(undefined, 'dns-01 is requested, but not set up', noDns)
  for (const name of plan.names) {
    const kind = classifyName(name)
    if (name.startsWith('*.') && plan.challenge !== undefined && plan.challenge !== 'dns-01')
      error(
        name,
        `a wildcard is proved by dns-01 only, and ${plan.challenge} is requested`,
        'Set acme-challenge to dns-01.',
      )
    else if (name.startsWith('*.') && !hasDns)
      error(name, 'a wildcard is proved by dns-01 only, which is not set up', noDns)
    if (kind === 'address' && plan.challenge === 'dns-01')
      error(name, 'an address cannot be proved by dns-01', 'Set acme-challenge to http-01 or tls-alpn-01.')
    if (kind === 'address' && plan.profile === undefined && !plan.isOwnCa)
      error(name, 'CAs sign addresses under a short-lived profile only', 'Set acme-profile to shortlived.')
  }
  return findings
}

/** True for a host whose pair would be served for other hosts, too. */
function isReserved(host: string): boolean {
  return isReservedName(toPairName(host))
}

function isSignable(host: string, isOwnCa: boolean): boolean {
  if (isReserved(host)) return false
  const kind = classifyName(host)
  return kind === 'public' || kind === 'address' || (kind === 'local' && isOwnCa)
}

function describeLeftOut(name: string): PreflightFinding {
  if (isReserved(name)) {
    return {
      severity: 'warning',
      name,
      message: `is no host in the folder of certificates: a pair of that name counts for other hosts, too`,
      remedy: 'It is left out of the certificate; call the host by a longer name.',
    }
  }
  return {
    severity: 'warning',
    name,
    message:
      classifyName(name) === 'invalid'
        ? 'is no name a certificate can have'
        : 'is a local name, which no public CA signs',
    remedy:
      'It is left out of the certificate; ask for local names separately to have them signed by Berth itself.',
  }
}

function describeNoStaging(directory: string): PreflightFinding {
  return {
    severity: 'warning',
    name: undefined,
    message: `a test certificate is requested, and ${directory} is used as it is: no staging side of it is known`,
    remedy: 'Name the staging directory itself in ACME_CA_URI or acme-directory.',
  }
}

/** True for a directory on this machine or in a private network. */
function isLocalUrl(url: string): boolean {
  const host = URL.parse(url)?.hostname.replace(/^\[|\]$/g, '')
  return host !== undefined && classifyName(host) === 'local'
}
