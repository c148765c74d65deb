import { parse } from 'yaml'
import type { AcmeWish } from '../site-declaration.ts'
import type { ContainerFacts } from './container-facts.ts'

const PREFIX = 'com.github.nginx-proxy.nginx-proxy.'
/** Hosts and paths one container may ask for: what asks for more is a mistake. */
const MAX_ENTRIES = 256
/** Longest `VIRTUAL_HOST_MULTIPORTS`, in characters. */
const MAX_MULTIPORTS_LENGTH = 64 * 1024

/** A path that a container asks for. */
export interface WantedPath {
  readonly path: string
  readonly destination: string
  readonly port: string | undefined
  readonly protocol: string | undefined
}

/** A host that a container asks for. */
export interface WantedHost {
  readonly host: string
  readonly paths: readonly WantedPath[]
  readonly externalHttpPort: number | undefined
  readonly externalHttpsPort: number | undefined
}

/** What a container asks for, or why it cannot be understood. */
export interface Wanted {
  readonly hosts: readonly WantedHost[]
  readonly problems: readonly string[]
}

/** The value of a variable; empty counts as not set, as an unset one in a compose file becomes. */
export function variableOf({ environment }: ContainerFacts, ...names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = environment.get(name)?.trim()
    if (value) return value
  }
  return undefined
}

/** The value of one of nginx-proxy's labels. */
export function labelOf({ labels }: ContainerFacts, name: string): string | undefined {
  const value = labels.get(PREFIX + name)?.trim()
  return value === '' ? undefined : value
}

/** The hosts and paths of a container: `VIRTUAL_HOST_MULTIPORTS`, else `VIRTUAL_HOST` and its companions. */
export function readWanted(container: ContainerFacts): Wanted {
  const multiports = variableOf(container, 'VIRTUAL_HOST_MULTIPORTS')
  if (multiports !== undefined) return readMultiports(multiports)
  const names = (variableOf(container, 'VIRTUAL_HOST') ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  const path: WantedPath = {
    path: variableOf(container, 'VIRTUAL_PATH') ?? '/',
    destination: variableOf(container, 'VIRTUAL_DEST') ?? '',
    port: variableOf(container, 'VIRTUAL_PORT'),
    protocol: variableOf(container, 'VIRTUAL_PROTO'),
  }
  const hosts = [...new Set(names)].slice(0, MAX_ENTRIES)
  return {
    hosts: hosts.map((host) => ({
      host,
      paths: [path],
      externalHttpPort: undefined,
      externalHttpsPort: undefined,
    })),
    problems: names.length > MAX_ENTRIES ? [`VIRTUAL_HOST names more than ${MAX_ENTRIES} hosts`] : [],
  }
}

function readMultiports(text: string): Wanted {
  const bad = (why: string): Wanted => ({
    hosts: [],
    problems: [`VIRTUAL_HOST_MULTIPORTS cannot be used: ${why}`],
  })
  if (text.length > MAX_MULTIPORTS_LENGTH) return bad('it is too long')
  let document: unknown
  try {
    document = parse(text, { maxAliasCount: 10 })
  } catch {
    return bad('it is neither YAML nor JSON')
  }
  if (!isRecord(document)) return bad('it is no mapping from hosts to paths')
  const entries = Object.entries(document)
  if (entries.length > MAX_ENTRIES) return bad(`it names more than ${MAX_ENTRIES} hosts`)
  return { hosts: entries.map(([host, paths]) => readMultiportHost(host, paths)), problems: [] }
}

function readMultiportHost(host: string, value: unknown): WantedHost {
  const paths = isRecord(value) && Object.keys(value).length > 0 ? value : { '/': null }
  const port = (name: string): number | undefined => {
    const told = Object.values(paths).map((path) => (isRecord(path) ? Number(path[name]) : Number.NaN))
    return told.find((each) => Number.isInteger(each) && each > 0 && each <= 65_535)
  }
  return {
    host: host.trim(),
    paths: Object.entries(paths)
      .slice(0, MAX_ENTRIES)
      .map(([path, settings]) => {
        const of = (name: string): string | undefined => {
          const given = isRecord(settings) ? settings[name] : undefined
          return given === undefined || given === null || given === '' ? undefined : String(given)
        }
        return {
          path: path.trim() || '/',
          destination: of('dest') ?? '',
          port: of('port'),
          protocol: of('proto'),
        }
      }),
    externalHttpPort: port('external_http_port'),
    externalHttpsPort: port('external_https_port'),
  }
}

const KEY_TYPES: Readonly<Record<string, AcmeWish['keyType']>> = {
  'ec-256': 'ec-256',
  'ec-384': 'ec-384',
  '2048': 'rsa-2048',
  '3072': 'rsa-3072',
  '4096': 'rsa-4096',
}

/** The certificates that a container asks for (acme-companion's variables). */
export function readAcmeWishes(container: ContainerFacts): AcmeWish[] {
  const names = (variableOf(container, 'ACME_HOST', 'LETSENCRYPT_HOST') ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '')
    .slice(0, MAX_ENTRIES)
  if (names.length === 0) return []
  const keyId = variableOf(container, 'ACME_EAB_KID')
  const hmacKey = variableOf(container, 'ACME_EAB_HMAC_KEY')
  const challenge = variableOf(container, 'ACME_CHALLENGE')?.toLowerCase()
  const wish: Omit<AcmeWish, 'hosts'> = {
    email: variableOf(container, 'ACME_EMAIL', 'LETSENCRYPT_EMAIL'),
    directory: variableOf(container, 'ACME_CA_URI'),
    eab: keyId !== undefined && hmacKey !== undefined ? { keyId, hmacKey } : undefined,
    profile: variableOf(container, 'ACME_CERT_PROFILE'),
    preferredChain: variableOf(container, 'ACME_PREFERRED_CHAIN'),
    keyType: KEY_TYPES[variableOf(container, 'ACME_KEYSIZE', 'LETSENCRYPT_KEYSIZE') ?? ''],
    isTest: variableOf(container, 'LETSENCRYPT_TEST', 'ACME_TEST') === 'true',
    challenge:
      challenge === 'http-01' || challenge === 'tls-alpn-01' || challenge === 'dns-01'
        ? challenge
        : undefined,
  }
  const isSingle =
    variableOf(container, 'ACME_SINGLE_DOMAIN_CERTS', 'LETSENCRYPT_SINGLE_DOMAIN_CERTS') === 'true'
  return (isSingle ? names.map((name) => [name]) : [names]).map((hosts) => ({ ...wish, hosts }))
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
