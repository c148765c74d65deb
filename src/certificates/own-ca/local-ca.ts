import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  X509Certificate,
} from 'node:crypto'
import { link, open, readFile, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { SecureContext } from 'node:tls'
import { makeFolder, ownerFor, PRIVATE_FOLDER, syncFolder } from '../../files/durable.ts'
import { AUTHORITY_FILE } from '../folder/certificate-folders.ts'
import { CertificateError, reasonOf } from '../x509/certificate-error.ts'
import { createPairContext, type PairText } from '../x509/pair.ts'
import { checkHostName } from '../x509/write/csr.ts'
import { subjectName } from '../x509/write/distinguished-name.ts'
import { makeCertificate } from '../x509/write/make-certificate.ts'
import { BACKDATE_MS, MAX_LIFETIME_DAYS, toCommonName } from '../x509/write/self-signed.ts'
import { hostKey } from '../x509/x509-facts.ts'
import { readPermittedNames } from './name-constraints.ts'

const DAY_MS = 86_400_000
/** Life of the CA, in days. */
const AUTHORITY_DAYS = 3_650
/** Life of its certificates, in days; they are made anew after two thirds of that. */
const LEAF_DAYS = 90
/** Certificates kept in memory; a name above that costs a new one, about a millisecond. */
const MAX_ISSUED = 200

/**
 * Endings of names that cannot be owned, so that no public CA signs for them: RFC 6761, 6762, 8375, ICANN's `internal`,
 * and house use.
 */
const LOCAL_DOMAINS: readonly string[] = [
  ...['local', 'localhost', 'localdomain', 'internal', 'intranet', 'private', 'lan', 'home', 'corp'],
  ...['test', 'example', 'invalid', 'home.arpa', 'docker'],
]
/** Usual names of registries without a dot; others have to be given when the CA is made. */
const SINGLE_LABELS: readonly string[] = ['registry', 'berth', 'docker-registry', 'images']
const LOCAL_NETWORKS: readonly string[] = [
  ...['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '127.0.0.0/8', '169.254.0.0/16', '100.64.0.0/10'],
  ...['::1/128', 'fc00::/7', 'fe80::/10'],
]

/** Settings of opening a CA. */
export interface LocalAuthorityOptions {
  /** `<data>/certificates/ca`. */
  readonly folder: string
  /** Names without a dot that it may sign for beside its own list; they count only when it is made. */
  readonly names?: readonly string[]
  /** True if a missing one is made, which is the default. */
  readonly mayMake?: boolean
}

/**
 * Berth's own CA, for names that no public CA signs for. Its constraints limit it to such names: a client that trusts
 * it trusts it for no site of the internet.
 */
export class LocalAuthority {
  /** The certificate that clients have to trust, PEM. */
  readonly certificatePem: string
  /** True if it can sign for a name, by its own certificate. */
  readonly covers: (name: string) => boolean
  readonly #certificate: X509Certificate
  readonly #key: KeyObject
  readonly #issued = new Map<string, { pair: PairText; context: SecureContext; renewAt: number }>()

  private constructor(pem: string) {
    this.#key = createPrivateKey(pem)
    this.#certificate = new X509Certificate(pem)
    this.certificatePem = this.#certificate.toString()
    this.covers = readPermittedNames(this.#certificate)
  }

  /**
   * Opens the CA of a folder, and makes it the first time. Errors: `CERTIFICATE_FOLDER_UNUSABLE`;
   * `CERTIFICATE_AUTHORITY_MISSING` if there is none and none may be made.
   */
  static async open({ folder, names = [], mayMake = true }: LocalAuthorityOptions): Promise<LocalAuthority> {
    const file = join(folder, AUTHORITY_FILE)
    let pem: string | undefined
    try {
      pem = await readFile(file, 'utf8').catch(ignoreMissing)
      if (pem === undefined && mayMake) pem = await create(folder, file, names)
    } catch (error) {
      throw new CertificateError(
        'CERTIFICATE_FOLDER_UNUSABLE',
        `Berth's own CA cannot be kept in ${folder} (${reasonOf(error)})`,
        'Make the folder readable and writable for the user this runs as',
        error,
      )
    }
    if (pem === undefined) {
      throw new CertificateError(
        'CERTIFICATE_AUTHORITY_MISSING',
        `Berth has no CA of its own in ${folder}`,
        'A server with a domain makes it at its first start; --new makes it now. Where clients trust one already, name its data folder with --data',
      )
    }
    try {
      return new LocalAuthority(pem)
    } catch (error) {
      throw new CertificateError(
        'CERTIFICATE_FOLDER_UNUSABLE',
        `The file of Berth's own CA, ${file}, is damaged`,
        'Restore it from your backup, or move it away: then a new CA is made, which clients have to be given',
        error,
      )
    }
  }

  /** SHA-256 of its certificate, for people to compare. */
  get fingerprint(): string {
    return this.#certificate.fingerprint256
  }

  /** Expiry of the CA itself, Unix time in ms. */
  get notAfter(): number {
    return this.#certificate.validToDate.getTime()
  }

  /**
   * Signs for names and a private key, for the longest life that clients accept. Names must be covered. Errors:
   * `CERTIFICATE_NAME_INVALID`.
   */
  issue(
    names: readonly string[],
    {
      days = LEAF_DAYS,
      now = Date.now(),
      key = newKey(),
    }: { days?: number; now?: number; key?: KeyObject } = {},
  ): PairText {
    const hosts = [...new Set(names.map(checkHostName))]
    const foreign = hosts.filter((host) => !this.covers(host))
    if (foreign.length > 0) {
      throw new CertificateError(
        'CERTIFICATE_NAME_INVALID',
        `Berth's own CA does not sign for ${foreign.join(', ')}`,
        'It is for names such as app.internal or app.local and private addresses; public names get certificates of a public CA',
      )
    }
    const lifetime = Math.min(days, MAX_LIFETIME_DAYS) * DAY_MS
    const chainPem = makeCertificate(
      {
        subject: subjectName(toCommonName(hosts)),
        publicKey: createPublicKey(key),
        names: hosts,
        notBefore: now - BACKDATE_MS,
        notAfter: Math.min(now + lifetime, this.notAfter),
      },
      { key: this.#key, certificate: this.#certificate },
    )
    return { chainPem, keyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString() }
  }

  /**
   * The pair for a local name, made at once if there is none yet and kept in memory only. Call it for served hosts
   * only: a visitor must not be able to have certificates made for any name.
   * @returns undefined for a name it does not sign for.
   */
  localCertificate(name: string): PairText | undefined {
    return this.#entry(name)?.pair
  }

  /** Like {@link localCertificate}, ready for a handshake. */
  find(name: string): SecureContext | undefined {
    return this.#entry(name)?.context
  }

  #entry(name: string): { pair: PairText; context: SecureContext } | undefined {
    const host = hostKey(name)
    const known = this.#issued.get(host)
    const now = Date.now()
    if (known && now < known.renewAt) return known
    if (!this.covers(host)) return undefined
    const pair = this.issue([host], { now })
    const entry = { pair, context: createPairContext(pair), renewAt: now + (LEAF_DAYS * DAY_MS * 2) / 3 }
    this.#issued.delete(host)
    const [oldest] = this.#issued.size >= MAX_ISSUED ? this.#issued.keys() : []
    if (oldest !== undefined) this.#issued.delete(oldest)
    this.#issued.set(host, entry)
    return entry
  }
}

function newKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
}

/** Makes the CA. If another process was faster, its CA counts. */
async function create(folder: string, file: string, names: readonly string[]): Promise<string> {
  await makeFolder(folder, PRIVATE_FOLDER)
  const draft = `${file}.${randomBytes(6).toString('hex')}.new`
  try {
    await using handle = await open(draft, 'wx', 0o600)
    const owner = await ownerFor(folder)
    if (owner) await handle.chown(owner.uid, owner.gid)
    await handle.writeFile(makeAuthority(names, Date.now()))
    await handle.sync()
    await link(draft, file).catch(ignoreExisting)
  } finally {
    await rm(draft, { force: true })
  }
  await syncFolder(folder)
  return await readFile(file, 'utf8')
}

function makeAuthority(names: readonly string[], now: number): string {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const own = [hostname(), ...names].map(hostKey).filter((name) => /^[a-z0-9-]{1,63}$/.test(name))
  const constraints = {
    domains: [...new Set([...LOCAL_DOMAINS, ...SINGLE_LABELS, ...own])],
    networks: LOCAL_NETWORKS,
  }
  const subject = subjectName([
    ['O', 'Berth'],
    ['CN', `Berth local CA of ${hostname()}`.slice(0, 64)],
  ])
  const certificate = makeCertificate(
    {
      subject,
      publicKey,
      authority: { pathLength: 0, constraints },
      notBefore: now - BACKDATE_MS,
      notAfter: now + AUTHORITY_DAYS * DAY_MS,
    },
    { key: privateKey, certificate: undefined },
  )
  return certificate + privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

function ignoreMissing(error: unknown): undefined {
  if (reasonOf(error) !== 'ENOENT') throw error
}

function ignoreExisting(error: unknown): void {
  if (reasonOf(error) !== 'EEXIST') throw error
}
