import { randomBytes } from 'node:crypto'
import type { CaaRecord } from 'node:dns'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { ChallengeBoard } from '../challenges/challenge-board.ts'
import type { DnsEndpoint } from '../dns/dns-exchange.ts'
import { makeResolver } from '../dns/dns-zone.ts'
import type { PreflightFinding } from './acme-plan.ts'
import { isPrivateAddress } from './certificate-names.ts'

const http = process.getBuiltinModule('node:http')

/** Longest wait for our own answer on port 80, in ms. */
const PROBE_TIMEOUT_MS = 5000
/** Bytes read of the answer: a probe has 64. */
const MAX_PROBE_BYTES = 1024
/** Names checked before an order; the rest is left to the CA. */
const MAX_CHECKED_NAMES = 20

/** Parameters of the network checks. */
export interface PreflightContext {
  readonly board: ChallengeBoard
  /** True if names are proved over the network rather than by DNS records. */
  readonly usesNetwork: boolean
  /** True if the CA will connect to port 80. */
  readonly usesHttp: boolean
  /** True if the CA is one's own: it may find names that the DNS does not have, by a hosts file or multicast. */
  readonly isOwnCa: boolean
  /** Names of this CA in CAA records; empty: unknown, not checked. */
  readonly caaIdentities: readonly string[]
  /** Servers to query; the system's if empty. */
  readonly dnsServers?: readonly DnsEndpoint[] | undefined
  /** Port of the plain listener as seen from the internet. */
  readonly httpPort?: number | undefined
}

/** Checks each name as the CA will: its addresses, its CAA record, and that port 80 leads here. */
export async function preflight(
  names: readonly string[],
  context: PreflightContext,
): Promise<PreflightFinding[]> {
  const checks = names.slice(0, MAX_CHECKED_NAMES).map(async (name) => {
    if (isIP(name) !== 0) return []
    const caa = await checkCaa(name, context)
    if (name.startsWith('*.') || !context.usesNetwork) return caa
    return [...caa, ...(await checkReach(name, context))]
  })
  return (await Promise.all(checks)).flat()
}

async function checkReach(name: string, context: PreflightContext): Promise<PreflightFinding[]> {
  const addresses = await resolveAddresses(name, context.dnsServers)
  if (addresses === undefined) return []
  if (addresses.length === 0) {
    const remedy = 'Make an A or AAAA record that leads to this machine.'
    return [
      { severity: context.isOwnCa ? 'warning' : 'error', name, message: 'has no address in the DNS', remedy },
    ]
  }
  const own = ownAddresses()
  // Behind NAT no interface here has the public address; only a machine with an address of a family can judge that
  // another is wrong.
  const families = new Set([...own].filter((address) => !isPrivateAddress(address)).map(isIP))
  const elsewhere = addresses.filter((address) => !own.has(address) && families.has(isIP(address)))
  const findings: PreflightFinding[] = []
  if (elsewhere.length > 0)
    findings.push({
      severity: 'warning',
      name,
      message: `leads to ${elsewhere.join(', ')}, which is not an address of this machine`,
      remedy: 'Correct the A and AAAA records, unless something in front passes requests on to here.',
    })
  const answer = context.usesHttp ? await probe(name, addresses, context) : 'ours'
  if (answer !== 'ours') findings.push({ severity: 'warning', name, ...describeProbe(answer) })
  return findings
}

function describeProbe(answer: 'other' | 'silent'): { message: string; remedy: string } {
  if (answer === 'other')
    return {
      message: 'is answered by something else on port 80',
      remedy:
        'Let /.well-known/acme-challenge/ on port 80 reach Berth, or set acme-challenge to tls-alpn-01.',
    }
  return {
    message: 'does not answer on port 80, as far as can be seen from here',
    remedy:
      'Open port 80 in firewall and router. Some routers only hide it from within; then nothing is wrong.',
  }
}

/** Fetches a token of its own under the name, as the CA would. */
async function probe(
  name: string,
  addresses: readonly string[],
  context: PreflightContext,
): Promise<'ours' | 'other' | 'silent'> {
  const token = randomBytes(24).toString('base64url')
  const expected = `${token}.${randomBytes(16).toString('hex')}`
  using _answer = context.board.addHttp(token, expected)
  await context.board.settled()
  const results = await Promise.all(
    addresses
      .slice(0, 4)
      .map((address) => fetchProbe({ address, name, token, port: context.httpPort ?? 80 })),
  )
  if (results.some((body) => body !== undefined && body.trim() !== expected)) return 'other'
  return results.some((body) => body === undefined) ? 'silent' : 'ours'
}

async function fetchProbe(target: {
  address: string
  name: string
  token: string
  port: number
}): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const outgoing = http.request({
    host: target.address,
    port: target.port,
    path: `/.well-known/acme-challenge/${target.token}`,
    headers: { host: target.name, 'user-agent': 'Berth preflight' },
    signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
    agent: false,
  })
  outgoing.once('error', () => resolve(undefined))
  outgoing.once('response', (reply) => {
    let body = ''
    reply.setEncoding('latin1')
    reply.on('data', (chunk: string) => {
      body += chunk
      if (body.length > MAX_PROBE_BYTES) reply.destroy()
    })
    reply.once('error', () => resolve(body))
    reply.once('close', () => resolve(body))
  })
  outgoing.end()
  return await promise
}

/** Undefined: the DNS did not answer, so the name cannot be judged. */
async function resolveAddresses(
  name: string,
  servers: readonly DnsEndpoint[] | undefined,
): Promise<string[] | undefined> {
  const resolver = makeResolver(servers)
  const results = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)])
  const addresses = results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []))
  const isSilent = results.every((result) => result.status === 'rejected' && !isAbsence(result.reason))
  return addresses.length === 0 && isSilent ? undefined : addresses
}

/** RFC 8659 section 3: the records of the closest name above that has any. */
async function checkCaa(host: string, context: PreflightContext): Promise<PreflightFinding[]> {
  const { caaIdentities } = context
  if (caaIdentities.length === 0) return []
  const isWildcard = host.startsWith('*.')
  const resolver = makeResolver(context.dnsServers)
  const labels = (isWildcard ? host.slice(2) : host).split('.')
  for (let index = 0; index < labels.length; index++) {
    const name = labels.slice(index).join('.')
    const records: CaaRecord[] = await resolver.resolveCaa(name).catch(() => [])
    if (records.length === 0) continue
    const allowed = allowedCas(records, isWildcard)
    if (allowed === undefined || allowed.some((each) => caaIdentities.includes(each))) return []
    const message = `the CAA record of ${name} allows ${allowed.filter(Boolean).join(', ') || 'no CA'}, not this one`
    return [
      { severity: 'error', name: host, message, remedy: `Add a CAA record: 0 issue "${caaIdentities[0]}".` },
    ]
  }
  return []
}

/** Undefined: the records restrict nothing of this kind. */
function allowedCas(records: readonly CaaRecord[], isWildcard: boolean): string[] | undefined {
  const wild = records.flatMap(({ issuewild }) => (issuewild === undefined ? [] : [issuewild]))
  const plain = records.flatMap(({ issue }) => (issue === undefined ? [] : [issue]))
  const values = isWildcard && wild.length > 0 ? wild : plain
  if (values.length === 0) return undefined
  return values.map((value) => value.split(';', 1).join('').trim().toLowerCase())
}

function ownAddresses(): Set<string> {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  return new Set(all.map(({ address }) => address))
}

function isAbsence(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ENODATA' || code === 'ENOTFOUND'
}
