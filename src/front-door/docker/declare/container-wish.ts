import { quote } from '../../sites/quote.ts'
import type { AcmeWish } from '../../sites/site-declaration.ts'
import { normalizeHost } from '../../visit/address/host-name.ts'
import type { ContainerFacts } from '../facts/container-facts.ts'
import { isTrue, variableOf } from '../facts/variables.ts'

/** Names of one certificate: the bound of Let's Encrypt, and of most CAs. */
const MAX_NAMES = 100

/** The certificates that a container declares, and remarks about guesses. */
interface ContainerWishes {
  readonly wishes: readonly AcmeWish[]
  /** Without the container's name. */
  readonly notes: readonly string[]
}

/** Reads acme-companion's variables; the key of an account at the CA is in the wish and in no note. */
export function readAcmeWishes(container: ContainerFacts): ContainerWishes {
  const text = variableOf(container, 'ACME_HOST', 'LETSENCRYPT_HOST')
  if (text === undefined) return { wishes: [], notes: [] }
  const notes: string[] = []
  const names = readNames(text, notes)
  const wish: Omit<AcmeWish, 'hosts'> = {
    container: container.name,
    email: readEmail(variableOf(container, 'ACME_EMAIL', 'LETSENCRYPT_EMAIL'), notes),
    directory: readDirectory(variableOf(container, 'ACME_CA_URI'), notes),
    eab: readEab(container, notes),
    profile: readWord(variableOf(container, 'ACME_CERT_PROFILE'), { name: 'ACME_CERT_PROFILE', notes }),
    preferredChain: variableOf(container, 'ACME_PREFERRED_CHAIN')?.slice(0, 200),
    keyType: readKeyType(variableOf(container, 'ACME_KEYSIZE', 'LETSENCRYPT_KEYSIZE'), notes),
    isTest: isTrue(container, 'LETSENCRYPT_TEST'),
    challenge: readChallenge(variableOf(container, 'ACME_CHALLENGE'), notes),
  }
  notes.push(...notDone(container))
  if (names.length === 0) return { wishes: [], notes }
  const isSingle = isTrue(container, 'ACME_SINGLE_DOMAIN_CERTS', 'LETSENCRYPT_SINGLE_DOMAIN_CERTS')
  const sets = isSingle ? names.map((name) => [name]) : [names]
  return { wishes: sets.map((hosts) => ({ hosts, ...wish })), notes }
}

/** True if a certificate's names include a host. */
export function coversHost({ hosts }: AcmeWish, host: string): boolean {
  return hosts.includes(host) || hosts.includes(host.replace(/^[^.]+/, '*'))
}

function readNames(text: string, notes: string[]): string[] {
  const given = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  if (given.length > MAX_NAMES)
    notes.push(`ACME_HOST names more than ${MAX_NAMES} hosts: the first ${MAX_NAMES} count`)
  const names = given.slice(0, MAX_NAMES).flatMap((name) => {
    const [, star = '', rest = ''] = /^(\*\.)?(.*)$/s.exec(name) ?? []
    const host = normalizeHost(rest)
    if (host === undefined) notes.push(`ACME_HOST has ${quote(name)}, which no certificate can be for`)
    return host === undefined ? [] : [`${star}${host}`]
  })
  return [...new Set(names)]
}

function readEmail(email: string | undefined, notes: string[]): string | undefined {
  if (email === undefined || /^[^\s@,<>]{1,64}@[^\s@,<>]{1,255}$/.test(email)) return email
  notes.push(`ACME_EMAIL=${quote(email)} is no address: the one of the settings is used`)
  return undefined
}

function readDirectory(text: string | undefined, notes: string[]): string | undefined {
  if (text === undefined) return undefined
  const url = URL.parse(text)
  if (url?.protocol === 'https:' && !url.username && !url.password) return url.href
  notes.push('ACME_CA_URI is no https:// URL without a password: the CA of the settings is used')
  return undefined
}

function readEab(container: ContainerFacts, notes: string[]): AcmeWish['eab'] {
  const keyId = variableOf(container, 'ACME_EAB_KID')
  const hmacKey = variableOf(container, 'ACME_EAB_HMAC_KEY')
  if (keyId !== undefined && hmacKey !== undefined) return { keyId, hmacKey }
  if (keyId !== undefined || hmacKey !== undefined) {
    notes.push('ACME_EAB_KID and ACME_EAB_HMAC_KEY are only of use together: neither is used')
  }
  return undefined
}

function readWord(
  word: string | undefined,
  { name, notes }: { name: string; notes: string[] },
): string | undefined {
  if (word === undefined || /^[\w.-]{1,64}$/.test(word)) return word
  notes.push(`${name}=${quote(word)} is no name: it is left out`)
  return undefined
}

const KEY_TYPES: Readonly<Record<string, AcmeWish['keyType']>> = {
  'ec-256': 'ec-256',
  'ec-384': 'ec-384',
  '2048': 'rsa-2048',
  '3072': 'rsa-3072',
  '4096': 'rsa-4096',
}

function readKeyType(text: string | undefined, notes: string[]): AcmeWish['keyType'] {
  if (text === undefined) return undefined
  const type = Object.hasOwn(KEY_TYPES, text) ? KEY_TYPES[text] : undefined
  if (type === undefined) {
    notes.push(`ACME_KEYSIZE=${quote(text)} is not made here: ${Object.keys(KEY_TYPES).join(', ')} are`)
  }
  return type
}

const CHALLENGES = ['http-01', 'tls-alpn-01', 'dns-01'] as const

function readChallenge(text: string | undefined, notes: string[]): AcmeWish['challenge'] {
  const challenge = CHALLENGES.find((each) => each === text?.toLowerCase())
  if (text !== undefined && challenge === undefined) {
    notes.push(`ACME_CHALLENGE=${quote(text)} is not known: ${CHALLENGES.join(', ').toUpperCase()} are`)
  }
  return challenge
}

/** Features of acme-companion that Berth does not have. */
function notDone(container: ContainerFacts): string[] {
  const notes: string[] = []
  if (variableOf(container, 'ACMESH_DNS_API_CONFIG') !== undefined)
    notes.push("ACMESH_DNS_API_CONFIG is not read: set up DNS-01 in Berth's own settings (acme-dns-hook)")
  if (variableOf(container, 'ZEROSSL_API_KEY') !== undefined)
    notes.push('ZEROSSL_API_KEY is not used: give ACME_CA_URI, ACME_EAB_KID and ACME_EAB_HMAC_KEY')
  if (isTrue(container, 'ACME_RESTART_CONTAINER', 'LETSENCRYPT_RESTART_CONTAINER'))
    notes.push('ACME_RESTART_CONTAINER is not done: Berth only reads from Docker')
  if (variableOf(container, 'ACME_PRE_HOOK', 'ACME_POST_HOOK') !== undefined)
    notes.push('ACME_PRE_HOOK and ACME_POST_HOOK are not run')
  if (variableOf(container, 'ACME_RENEW_AFTER') !== undefined)
    notes.push(
      'ACME_RENEW_AFTER is left out: certificates are renewed when the CA says so, or in their last third',
    )
  if (variableOf(container, 'ACME_RENEW_PRIVATE_KEYS')?.toLowerCase() === 'false')
    notes.push('ACME_RENEW_PRIVATE_KEYS=false is not done: each renewal makes a new key')
  if (isTrue(container, 'ACME_OCSP')) notes.push('ACME_OCSP is left out: CAs no longer answer OCSP')
  return notes
}
