import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { readVersion } from '../../files/file-version.ts'
import { type BerElement, readBer, readBerList } from '../x509/ber.ts'
import { CertificateError, reasonOf } from '../x509/certificate-error.ts'
import { formatPem, type PemBlock, parsePem } from '../x509/pem.ts'
import { readCertificate, readSubject } from '../x509/x509-facts.ts'
import { readCertificateFile } from './read-certificate-files.ts'

/** Most files of one folder that count. */
const MAX_FILES = 2_000
/** Time in which a file that went away may come back, in milliseconds: not all programs replace files in one step. */
const GRACE_MS = 10_000
const TAG_INTEGER = 0x02
const TAG_UTC_TIME = 0x17
const TAG_GENERALIZED_TIME = 0x18

/** Certificates of CAs whose clients may come in, or their revocation lists: PEM each. */
export type ClientFileContent = readonly string[]

/** A file that decides about clients. */
export interface ClientFile {
  readonly path: string
  readonly version: string
  /** True if there is a key beside it: then it may be the certificate of a host below `.ca` as well. */
  readonly hasKey: boolean
  /** Undefined: it cannot be used. The same value as long as the file's content is the same. */
  readonly content: ClientFileContent | undefined
  /** Names of the CAs, or of those that signed the lists, DER in hex, as last read; undefined: never. */
  readonly names: readonly string[] | undefined
  /** Reason why it cannot be used, a sentence without its end, and the remedy. */
  readonly problem: string | undefined
  readonly remedy: string | undefined
  /** Expiry of its content, Unix time in ms. */
  readonly until: number | undefined
  /** Set while it is missing: it counts for a while longer. */
  readonly goneSince: number | undefined
}

/** Such files by their name in lower case. */
export type ClientFiles = ReadonlyMap<string, ClientFile>

/** True for names of files with CAs of clients; the global one is no pair of a host "ca". */
export function isClientAuthorityFile(name: string): boolean {
  return name === 'ca.crt' || name.endsWith('.ca.crt')
}

/** The name of the key beside a certificate. */
export function toKeyName(certFile: string): string {
  return certFile.replace(/crt$/, 'key')
}

/**
 * Reads nginx-proxy's files about clients: `<host>.ca.crt` and `ca.crt`, `<host>.crl.pem` and `ca.crl.pem`. An unusable
 * one has a problem, and never its former content: it is unknown whom it lets in. Errors: those of the system, for the
 * folder.
 */
export async function readClientFiles(
  folder: string,
  before: ClientFiles,
  now: number,
): Promise<ClientFiles> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (reasonOf(error) !== 'ENOENT') throw error
  })
  // A folder that is gone as a whole, such as a volume, changes nothing about who may come in.
  if (names === undefined) return before
  const fileNames = names.filter((name) => isClientAuthorityFile(name) || name.endsWith('.crl.pem')).sort()
  const files = new Map<string, ClientFile>()
  for (const name of fileNames.slice(0, MAX_FILES)) {
    const key = name.toLowerCase()
    const hasKey = names.includes(toKeyName(name))
    files.set(key, await readClientFile(join(folder, name), before.get(key), { now, hasKey }))
  }
  for (const [key, file] of before) {
    const kept = files.has(key) ? undefined : keepWhileGone(file, now)
    if (kept) files.set(key, kept)
  }
  return files
}

/** Content of a folder that was never read: no client may come in before the files are known. */
export function unreadClientFiles(folder: string, problem: string): ClientFiles {
  const file: ClientFile = {
    path: join(folder, 'ca.crt'),
    version: '',
    hasKey: false,
    content: undefined,
    names: undefined,
    problem: `${problem}, so that it is not known which clients may come in`,
    remedy: 'Make it readable for the user this runs as',
    until: undefined,
    goneSince: undefined,
  }
  return new Map([['ca.crt', file]])
}

/** A host must not be open for the moment between the removal of a file and its return. */
function keepWhileGone(file: ClientFile, now: number): ClientFile | undefined {
  if (file.goneSince === undefined) return { ...file, goneSince: now }
  return now - file.goneSince < GRACE_MS && now >= file.goneSince ? file : undefined
}

async function readClientFile(
  path: string,
  last: ClientFile | undefined,
  { now, hasKey }: { now: number; hasKey: boolean },
): Promise<ClientFile> {
  const version = await readVersion(path)
  const isOver = last?.until !== undefined && now >= last.until
  if (last?.version === version && isOver === (last.content === undefined && last.until !== undefined))
    return last.goneSince === undefined && last.hasKey === hasKey
      ? last
      : { ...last, hasKey, goneSince: undefined }
  const common = { path, version, hasKey, goneSince: undefined }
  try {
    const { bytes } = await readCertificateFile(path)
    const { content, until, names } = path.toLowerCase().endsWith('.pem') ? readLists(bytes) : readCas(bytes)
    if (until !== undefined && now >= until) return { ...common, ...whyOver(path, until), names, until }
    const same = last?.content?.join() === content.join() ? last.content : content
    return { ...common, content: same, names, problem: undefined, remedy: undefined, until }
  } catch (error) {
    const isOurs = error instanceof CertificateError
    return {
      ...common,
      content: undefined,
      names: last?.names,
      problem: `${basename(path)} cannot be used: ${isOurs ? error.message : reasonOf(error)}`,
      remedy: isOurs ? error.remedy : 'Make it anew',
      until: undefined,
    }
  }
}

function whyOver(path: string, until: number): Pick<ClientFile, 'content' | 'problem' | 'remedy'> {
  const day = new Date(until).toISOString().slice(0, 16)
  const isList = path.toLowerCase().endsWith('.pem')
  return {
    content: undefined,
    problem: `${basename(path)} has expired at ${day}Z`,
    remedy: isList
      ? 'Have the CA sign a new list, and put it in its place'
      : 'Put a CA that is valid in its place',
  }
}

interface Read {
  readonly content: ClientFileContent
  readonly names: readonly string[]
  readonly until: number | undefined
}

function readCas(bytes: Buffer): Read {
  const blocks = wholeBlocks(bytes, /^(?:X509 |TRUSTED )?CERTIFICATE$/, 'certificate')
  const certificates = blocks.map(({ bytes: der }) => {
    const certificate = der && readCertificate(der)
    if (!certificate) throw unusable('one of its certificates is damaged', 'Get it anew from the CA')
    return certificate
  })
  const pems = certificates.map((certificate) => certificate.toString())
  tryOut({ ca: pems })
  const until = Math.max(...certificates.map(({ validToDate }) => validToDate.getTime()))
  return {
    content: pems,
    names: certificates.map((certificate) => readSubject(certificate).toString('hex')),
    until,
  }
}

function readLists(bytes: Buffer): Read {
  const blocks = wholeBlocks(bytes, /^X509 CRL$/, 'revocation list')
  const lists = blocks.map(({ bytes: der = Buffer.alloc(0) }) => ({ der, ...readList(der) }))
  const pems = lists.map(({ der }) => formatPem('X509 CRL', der))
  for (const crl of pems) tryOut({ crl })
  const ends = lists.flatMap(({ until }) => (until === undefined ? [] : [until]))
  return {
    content: pems,
    names: lists.map(({ issuer }) => issuer),
    until: ends.length === 0 ? undefined : Math.min(...ends),
  }
}

function wholeBlocks(bytes: Buffer, label: RegExp, what: string): PemBlock[] {
  const { blocks } = parsePem(bytes)
  const found = blocks.filter((block) => label.test(block.label))
  const broken = blocks.find(({ problem }) => problem !== undefined)
  if (broken) throw unusable(`a block of it is damaged (${broken.problem})`, 'Copy it anew, as a whole')
  if (found.length === 0) throw unusable(`there is no ${what} in it`, `Put one into it, in PEM`)
  return found
}

/** Loads the content now, so that an error of the TLS library does not come only at the first handshake. */
function tryOut(options: { ca?: readonly string[]; crl?: string }): void {
  try {
    createSecureContext({
      ca: [...(options.ca ?? [])],
      ...(options.crl !== undefined && { crl: options.crl }),
    })
  } catch (error) {
    throw unusable(`the TLS library refuses it (${reasonOf(error)})`, 'Make it anew')
  }
}

/** Issuer and `nextUpdate` of a list (RFC 5280 section 5.1). */
function readList(der: Buffer): { issuer: string; until: number | undefined } {
  const parts = readBerList(bodyOf(der))
  const [, issuer, , next] = parts[0]?.tag === TAG_INTEGER ? parts.slice(1) : parts
  if (!issuer) throw unusable('one of its revocation lists is damaged', 'Have the CA sign a new one')
  return { issuer: issuer.raw.toString('hex'), until: next && parseTime(next) }
}

/** The signed part. */
function bodyOf(der: Buffer): Buffer {
  return readBer(readBer(der)?.content ?? Buffer.alloc(0))?.content ?? Buffer.alloc(0)
}

/** Undefined for another element: the end of a list may be left out. */
function parseTime({ tag, content }: BerElement): number | undefined {
  if (tag !== TAG_UTC_TIME && tag !== TAG_GENERALIZED_TIME) return undefined
  const digits = content.toString('latin1').replace(/Z$/, '')
  const century = tag === TAG_GENERALIZED_TIME ? '' : Number(digits.slice(0, 2)) < 50 ? '20' : '19'
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(century + digits) ?? []
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  // A time that cannot be read counts as over.
  return Number.isFinite(time) ? time : 0
}

function unusable(message: string, remedy: string): CertificateError {
  return new CertificateError('CERTIFICATE_UNUSABLE', message, remedy)
}
