import type { TlsPolicyName } from '../../listen/tls/tls-policy.ts'
import { TLS_POLICIES } from '../../listen/tls/tls-policy.ts'
import { quote } from '../../sites/quote.ts'
import {
  CLIENT_CERTIFICATES,
  type ClientCertificates,
  HTTPS_METHODS,
  type HttpsMethod,
  type SiteDeclaration,
  type UpstreamDeclaration,
} from '../../sites/site-declaration.ts'
import type { ContainerFacts } from '../facts/container-facts.ts'
import { labelNames, labelOf, variableOf } from '../facts/variables.ts'

/** Default of the idle connections kept to each server, as in `berth.yaml`. */
const KEEP_ALIVE = 32
/** Most of them that can be set. */
const MAX_KEEP_ALIVE = 1_024
/** Labels of nginx-proxy that Berth reads, or that have a meaning only for other programs. */
export const KNOWN_LABELS: ReadonlySet<string> = new Set([
  ...['loadbalance', 'keepalive', 'http2.enable', 'http3.enable', 'non-get-redirect', 'trust-default-cert'],
  ...['ssl_verify_client', 'nginx', 'docker-gen', 'debug-endpoint'],
])

/** Defaults of hosts whose containers do not set them. */
export interface ContainerDefaults {
  readonly httpsMethod: HttpsMethod
  readonly nonGetRedirect: SiteDeclaration['nonGetRedirect']
  /** Value of the header; undefined: none. */
  readonly hsts: string | undefined
  readonly isDefaultTrusted: boolean
  readonly httpWithoutCert: boolean
  /** Default host for requests to unknown names. */
  readonly defaultHost: string | undefined
  readonly preferIpv6: boolean
}

/** Finds the common value of containers with one host. */
export interface Spokesman {
  /** The value of a label, else of a variable, of the first container that counts. A disagreement is noted once. */
  choose(variable: string | undefined, label?: string): string | undefined
  /** Notes a guess. */
  note(text: string): void
}

/**
 * Makes the spokesman of containers in their order of precedence; where they disagree the first of those with a value
 * does. `isVoter` selects those whose disagreement is noted.
 */
export function createSpokesman(
  containers: readonly ContainerFacts[],
  isVoter: (container: ContainerFacts) => boolean,
  note: (text: string) => void,
): Spokesman {
  return {
    note,
    choose(variable, label) {
      const values = containers.flatMap((container) => {
        const value =
          (label === undefined ? undefined : labelOf(container, label)) ??
          (variable === undefined ? undefined : variableOf(container, variable))
        return value === undefined ? [] : [{ value, container }]
      })
      const [first] = values
      const other = values.find(({ value, container }) => value !== first?.value && isVoter(container))
      if (first && other) {
        note(
          `${first.container.name} and ${other.container.name} disagree on ${variable ?? label}: ${quote(first.value)} counts, from the container that is older`,
        )
      }
      return first?.value
    },
  }
}

/** The parts of a site that do not depend on its paths. */
type SiteSettings = Pick<
  SiteDeclaration,
  | 'httpsMethod'
  | 'hsts'
  | 'nonGetRedirect'
  | 'certificateName'
  | 'isDefaultTrusted'
  | 'httpWithoutCert'
  | 'clientCertificates'
  | 'networkAccess'
  | 'tlsPolicy'
  | 'http2'
>

/** Reads the settings of a host from its containers, in their order of precedence. */
export function readSiteSettings(
  containers: readonly ContainerFacts[],
  spokesman: Spokesman,
  defaults: ContainerDefaults,
): SiteSettings {
  const httpsMethod = readHttpsMethod(spokesman) ?? defaults.httpsMethod
  return {
    httpsMethod,
    // After HSTS a client uses TLS only, and could not come back by plain HTTP.
    hsts:
      httpsMethod === 'noredirect' || httpsMethod === 'nohttps' ? undefined : readHsts(spokesman, defaults),
    nonGetRedirect: readRedirect(spokesman, defaults),
    certificateName: readCertificateName(spokesman),
    isDefaultTrusted: readSwitch(spokesman, { label: 'trust-default-cert' }, defaults.isDefaultTrusted),
    httpWithoutCert: readSwitch(
      spokesman,
      { variable: 'ENABLE_HTTP_ON_MISSING_CERT' },
      defaults.httpWithoutCert,
    ),
    clientCertificates: readClientCertificates(containers, spokesman),
    networkAccess: readNetworkAccess(containers, spokesman),
    tlsPolicy: readPolicy(spokesman),
    http2: spokesman.choose(undefined, 'http2.enable')?.toLowerCase() !== 'false',
  }
}

/** Balancing of an upstream, and the connections kept to its servers. */
export function readPoolSettings(spokesman: Spokesman): Pick<UpstreamDeclaration, 'balance' | 'keepAlive'> {
  return { balance: readBalance(spokesman), keepAlive: readKeepAlive(spokesman) }
}

/** Notes labels that have no effect. */
export function noteUnknownLabels(container: ContainerFacts, note: (text: string) => void): void {
  const { name } = container
  if (labelOf(container, 'http3.enable')?.toLowerCase() === 'true') {
    note(`${name} has the label http3.enable=true, which is not done: HTTP/2 and HTTP/1.1 are spoken`)
  }
  const unknown = labelNames(container).filter((label) => !KNOWN_LABELS.has(label))
  if (unknown.length > 0)
    note(`${name} has the label ${quote(unknown.join(', '))} of nginx-proxy, which is not known here`)
}

function readHttpsMethod({ choose, note }: Spokesman): HttpsMethod | undefined {
  const text = choose('HTTPS_METHOD')
  const method = HTTPS_METHODS.find((each) => each === text?.toLowerCase())
  if (text !== undefined && !method) {
    note(`HTTPS_METHOD=${quote(text)} is not known: ${HTTPS_METHODS.join(', ')} are. The default is used`)
  }
  return method
}

function readHsts({ choose, note }: Spokesman, { hsts }: ContainerDefaults): string | undefined {
  const text = choose('HSTS')
  if (text === undefined) return hsts
  if (text.toLowerCase() === 'off') return undefined
  if (/^[\x20-\x7e]{1,500}$/.test(text) && /max-age\s*=/i.test(text)) return text
  note(`HSTS=${quote(text)} is no value of that header: give max-age=… or off. The default is used`)
  return hsts
}

const REDIRECTS = [301, 302, 307, 308] as const

function readRedirect(
  { choose, note }: Spokesman,
  { nonGetRedirect }: ContainerDefaults,
): SiteDeclaration['nonGetRedirect'] {
  const text = choose('NON_GET_REDIRECT', 'non-get-redirect')
  const status = REDIRECTS.find((each) => String(each) === text)
  if (text !== undefined && status === undefined) {
    note(
      `NON_GET_REDIRECT=${quote(text)} is no redirect: ${REDIRECTS.join(', ')} are. ${nonGetRedirect} is used`,
    )
  }
  return status ?? nonGetRedirect
}

function readCertificateName({ choose, note }: Spokesman): string | undefined {
  const name = choose('CERT_NAME')
  if (name === undefined || (/^[^/\\\p{Cc}]{1,200}$/u.test(name) && !name.startsWith('.'))) return name
  note(`CERT_NAME=${quote(name)} is no name of a file without its ending: certificates are looked up by host`)
  return undefined
}

function readSwitch(
  { choose, note }: Spokesman,
  { variable, label }: { readonly variable?: string; readonly label?: string },
  otherwise: boolean,
): boolean {
  const text = choose(variable, label)
  if (text === undefined) return otherwise
  // Values that nginx-proxy's parser reads as true and false.
  if (/^(?:1|t|true)$/i.test(text)) return true
  if (/^(?:0|f|false)$/i.test(text)) return false
  const name = variable ?? `The label ${label}`
  note(`${name}=${quote(text)} is not known: true and false are. The default is used`)
  return otherwise
}

/** The strictest of all values counts; none is as strict as nginx-proxy's default, and a misspelt one is "on". */
function readClientCertificates(
  containers: readonly ContainerFacts[],
  { note }: Spokesman,
): ClientCertificates | undefined {
  const values = containers.map((container) => {
    const text = labelOf(container, 'ssl_verify_client')
    const known = CLIENT_CERTIFICATES.find((each) => each === text?.toLowerCase())
    if (text !== undefined && !known) {
      note(
        `The label ssl_verify_client=${quote(text)} is not known: ${CLIENT_CERTIFICATES.join(', ')} are. Visitors must show a certificate`,
      )
    }
    return { container, value: text === undefined ? undefined : (known ?? 'on') }
  })
  const strictest = STRICTNESS.find((value) => values.some((each) => each.value === value))
  const first = values.find(({ value }) => value === strictest)
  const other = values.find(
    ({ value }) => value !== strictest && !(strictest === 'on' && value === undefined),
  )
  if (first && other) {
    note(
      `${first.container.name} and ${other.container.name} disagree on ssl_verify_client: ${quote(strictest ?? 'on')} counts, which is stricter`,
    )
  }
  return strictest
}

/** Undefined is "on" if there is a CA. */
const STRICTNESS = ['on', undefined, 'optional', 'optional_no_ca', 'off'] as const

/** A restriction counts if any container sets it, and if it is misspelt. */
function readNetworkAccess(
  containers: readonly ContainerFacts[],
  { note }: Spokesman,
): SiteDeclaration['networkAccess'] {
  const values = containers.map((container) => ({
    container,
    value: variableOf(container, 'NETWORK_ACCESS'),
  }))
  const closed = values.filter(({ value }) => value !== undefined && value.toLowerCase() !== 'external')
  const strange = closed.find(({ value }) => value?.toLowerCase() !== 'internal')
  if (strange) {
    note(
      `NETWORK_ACCESS=${quote(strange.value ?? '')} is not known: internal and external are. Only private networks are let in`,
    )
  } else if (closed.length > 0 && closed.length < values.length) {
    const open = values.find((each) => !closed.includes(each))
    note(
      `${closed[0]?.container.name} says NETWORK_ACCESS=internal and ${open?.container.name} does not: only private networks are let in, on all paths of this host`,
    )
  }
  return closed.length > 0 ? 'internal' : 'external'
}

function readPolicy({ choose, note }: Spokesman): TlsPolicyName | undefined {
  const text = choose('SSL_POLICY')
  if (text === undefined) return undefined
  const policy = TLS_POLICIES.find((name) => name.toLowerCase() === text.toLowerCase())
  if (policy) return policy
  if (/^AWS-/i.test(text)) {
    note(
      `SSL_POLICY=${quote(text)} is not done: Mozilla-Intermediate is used (there are ${TLS_POLICIES.join(', ')})`,
    )
    return 'Mozilla-Intermediate'
  }
  note(`SSL_POLICY=${quote(text)} is not known: ${TLS_POLICIES.join(', ')} are. The default is used`)
  return undefined
}

function readBalance({ choose, note }: Spokesman): UpstreamDeclaration['balance'] {
  const text = choose(undefined, 'loadbalance')
  const directive = text?.replace(/\s*;?\s*$/, '').trim() ?? ''
  if (directive === '' || directive === 'round_robin') return 'round-robin'
  if (directive === 'ip_hash' || /^hash\s+\$(?:remote|binary_remote)_addr(?:\s+consistent)?$/.test(directive))
    return 'ip-hash'
  if (directive === 'least_conn') return 'least-connections'
  note(
    `The label loadbalance=${quote(directive)} is not done: ip_hash, least_conn and hash $remote_addr are. Requests go round`,
  )
  return 'round-robin'
}

function readKeepAlive({ choose, note }: Spokesman): number {
  const text = choose(undefined, 'keepalive')?.toLowerCase()
  if (text === undefined || text === 'auto') return KEEP_ALIVE
  if (text === 'disabled') return 0
  if (/^\d{1,6}$/.test(text)) return Math.min(Number(text), MAX_KEEP_ALIVE)
  note(`The label keepalive=${quote(text)} is not known: auto, disabled and a number are. auto is used`)
  return KEEP_ALIVE
}
