import { readdir, realpath } from 'node:fs/promises'
import { basename, dirname, join, sep } from 'node:path'
import { readVersion } from '../../files/file-version.ts'
import { CertificateError, reasonOf } from '../x509/certificate-error.ts'
import type { MailedFile } from '../x509/mailed-files.ts'
import { makePair, type Pair } from '../x509/pair.ts'
import { readCertificateFile } from './read-certificate-files.ts'
import { isClientAuthorityFile, toKeyName } from './read-client-files.ts'

/** Most entries of one folder that count: a host has up to six. */
const MAX_ENTRIES = 20_000
/** Most subfolders that are read: acme-companion makes one for each certificate. */
const MAX_SUBFOLDERS = 2_000
/** Files read at once. */
const READS_AT_ONCE = 16
/** Prefix of acme-companion's folders of certificates from a CA's staging side, which clients do not trust. */
const TEST_PREFIX = '_test_'

/** A certificate and its key in a folder. */
export interface FolderPair {
  /** Name of the files without their endings; that of their folder if no link gives them a name. */
  readonly name: string
  /** True if a host of its name may be served with it. */
  readonly isNamed: boolean
  readonly certFile: string
  readonly keyFile: string
  /** True if it is from the staging side of a CA. */
  readonly isTest: boolean
  /** The served pair; undefined if none was ever loaded. */
  readonly pair: Pair | undefined
  /** Reason why the files cannot be used; then `pair` is the one loaded before, if any. */
  readonly problem: string | undefined
  readonly remedy: string | undefined
  /** Text that differs if the content may differ. */
  readonly version: string
  /** Folders in which a change may concern it. */
  readonly folders: readonly string[]
}

/** The pairs of a folder by certificate file. */
export type FolderPairs = ReadonlyMap<string, FolderPair>

interface Candidate {
  readonly name: string
  readonly isNamed: boolean
  readonly certFile: string
  readonly keyFile: string
  /** Further files that may hold issuers. */
  readonly extraFiles: readonly string[]
}

/**
 * Reads a folder of certificates: `<name>.crt` with `<name>.key`, links followed, and acme-companion's
 * `<base>/fullchain.pem` with `<base>/key.pem`, which stay there when it removes its links. Files unchanged since
 * `before` are not read again; a pair that became unusable keeps its last good content. A missing folder is empty.
 * Errors: those of the system, for the folder itself.
 */
export async function readFolder(folder: string, before: FolderPairs, now: number): Promise<FolderPairs> {
  const named = await listNamed(folder)
  const pairs = await mapBounded(named.candidates, (candidate) => readCandidate(candidate, before, now))
  const known = new Set(
    (await mapBounded(named.candidates, ({ certFile }) => target(certFile))).filter(Boolean),
  )
  const inFolders = await mapBounded(named.folders, async (name) => await candidateIn(join(folder, name)))
  const unnamed = await mapBounded(inFolders, async (candidate) => {
    const file = candidate && (await target(candidate.certFile))
    return candidate && file && !known.has(file) ? await readCandidate(candidate, before, now) : undefined
  })
  const all = [...pairs, ...unnamed].filter((pair) => pair !== undefined)
  return new Map(all.map((pair) => [pair.certFile, pair]))
}

async function listNamed(folder: string): Promise<{ candidates: Candidate[]; folders: string[] }> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    if (reasonOf(error) === 'ENOENT') return []
    throw error
  })
  const visible = entries.filter(({ name }) => !name.startsWith('.')).slice(0, MAX_ENTRIES)
  const all = new Set(visible.map(({ name }) => name))
  // The host "example.ca" has its certificate in "example.ca.crt", and a key beside it.
  const isPair = (name: string): boolean =>
    !isClientAuthorityFile(name) || (name !== 'ca.crt' && all.has(toKeyName(name)))
  const names = [...all].filter((name) => name.endsWith('.crt') && isPair(name))
  const folders = visible.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  return {
    candidates: names.sort().map((file) => toCandidate(join(folder, file))),
    folders: folders.sort().slice(0, MAX_SUBFOLDERS),
  }
}

function toCandidate(certFile: string): Candidate {
  const stem = certFile.slice(0, -'.crt'.length)
  return {
    name: basename(stem).toLowerCase(),
    isNamed: true,
    certFile,
    keyFile: toKeyName(certFile),
    extraFiles: [`${stem}.chain.pem`],
  }
}

async function candidateIn(folder: string): Promise<Candidate | undefined> {
  const names = await readdir(folder).catch((): string[] => [])
  if (!names.includes('fullchain.pem') || !names.includes('key.pem')) return undefined
  return {
    name: basename(folder),
    isNamed: false,
    certFile: join(folder, 'fullchain.pem'),
    keyFile: join(folder, 'key.pem'),
    extraFiles: [join(folder, 'chain.pem')],
  }
}

async function readCandidate(
  candidate: Candidate,
  before: FolderPairs,
  now: number,
): Promise<FolderPair | undefined> {
  const { name, isNamed, certFile, keyFile, extraFiles } = candidate
  const last = before.get(certFile)
  const files = [certFile, keyFile, ...extraFiles]
  const version = (await Promise.all(files.map(readVersion))).join('|')
  if (last?.version === version) return last
  const targets = (await Promise.all([certFile, keyFile].map(target))).filter((path) => path !== undefined)
  const isTest = targets.some((path) => path.split(sep).some((part) => part.startsWith(TEST_PREFIX)))
  const folders = [...new Set(targets.map((path) => dirname(path)))]
  const common = { name, isNamed, certFile, keyFile, isTest, version, folders }
  try {
    const texts = await Promise.all([...files.slice(0, 2).map(readNeeded), ...extraFiles.map(readOptional)])
    const pair = makePair(
      texts.flatMap((file) => file ?? []),
      now,
      isNamed ? name : undefined,
    )
    return { ...common, pair, problem: undefined, remedy: undefined }
  } catch (error) {
    const [problem, remedy] = explain(error)
    return { ...common, pair: last?.pair, problem, remedy }
  }
}

async function readNeeded(path: string): Promise<MailedFile> {
  try {
    return await readCertificateFile(path)
  } catch (error) {
    const isMissing = error instanceof CertificateError && reasonOf(error.cause) === 'ENOENT'
    if (!isMissing) throw error
    throw new CertificateError(
      path.endsWith('key') || path.endsWith('key.pem') ? 'CERTIFICATE_KEY_MISSING' : 'CERTIFICATE_UNREADABLE',
      `${basename(path)} is missing`,
      'Put it beside the other file of the pair',
      error,
    )
  }
}

async function readOptional(path: string): Promise<MailedFile | undefined> {
  return await readNeeded(path).catch(() => undefined)
}

async function target(path: string): Promise<string | undefined> {
  return await realpath(path).catch(() => undefined)
}

function explain(error: unknown): [string, string] {
  if (error instanceof CertificateError) return [error.message, error.remedy]
  return [`It cannot be loaded (${reasonOf(error)})`, 'Look at its files with "berth cert check"']
}

async function mapBounded<In, Out>(items: readonly In[], act: (item: In) => Promise<Out>): Promise<Out[]> {
  const results: Out[] = []
  for (let start = 0; start < items.length; start += READS_AT_ONCE) {
    results.push(...(await Promise.all(items.slice(start, start + READS_AT_ONCE).map(act))))
  }
  return results
}
