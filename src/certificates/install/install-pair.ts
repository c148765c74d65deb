import { randomBytes } from 'node:crypto'
import {
  chown,
  lchown,
  lstat,
  open,
  readdir,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { makeFolder, type Owner, ownerFor, PRIVATE_FOLDER, syncFolder } from '../../files/durable.ts'
import { readCertificateFile } from '../folder/read-certificate-files.ts'
import { CertificateError, reasonOf } from '../x509/certificate-error.ts'
import { checkPair, type PairText } from '../x509/pair.ts'

/** Folder inside a folder of certificates for installed pairs. */
const PAIRS = '.pairs'
const CHAIN_FILE = 'fullchain.pem'
const KEY_FILE = 'key.pem'
/** Versions of a pair that are kept beside the one in use, so that a mistake can be undone. */
const KEPT_VERSIONS = 2
/** Several installations of one name at once may remove each other's versions as old; each then writes again. */
const MAX_ATTEMPTS = 3
/** Age from which an unplaced link counts as left by a crash, in ms: it lives for milliseconds. */
const DRAFT_AGE_MS = 60_000
const KEY_MODE = 0o600
/** Others may read certificates, as web servers do, but never write, whatever the umask. */
const FOLDER_MODE = 0o755
const CERTIFICATE_MODE = 0o644
const PAIR_NAME = /^(?!\.)[a-z0-9_*.-]{1,200}$/
/** `ca.crt` holds the CAs of visitors to all hosts: a pair of that name would close each of them. */
const AUTHORITY_NAME = 'ca'
/** Served if no other pair fits, so that only an operator may put it there. */
const DEFAULT_NAME = 'default'

/** Files of an installed pair. */
interface InstalledPair {
  readonly certFile: string
  readonly keyFile: string
}

/** True for names of pairs that have a meaning for other hosts: no order is made for such a name. */
export function isReservedName(name: string): boolean {
  return name === AUTHORITY_NAME || name === DEFAULT_NAME
}

/** The name of a host's pair: that of its first host, a wildcard's without the star, where nginx-proxy looks for it. */
export function toPairName(host: string): string {
  return host.toLowerCase().replace(/^\*\./, '').replaceAll(':', '_')
}

/**
 * Puts a pair into a folder of certificates as `<name>.crt` and `<name>.key`, over what stands there, at once: a reader
 * sees the old pair or the new one, never one file of each, also after a crash.
 *
 * ```
 * <folder>/<name>.crt -> .pairs/<name>/current/fullchain.pem
 * <folder>/<name>.key -> .pairs/<name>/current/key.pem          mode 600
 * <folder>/.pairs/<name>/current -> <version>                   replaced by one rename
 * ```
 *
 * Durable when it returns. The pair is checked first. Files belong to the owner of the folder where root runs this.
 * Errors: `CERTIFICATE_UNUSABLE`, `CERTIFICATE_KEY_MISMATCH`, `CERTIFICATE_NAME_INVALID`,
 * `CERTIFICATE_FOLDER_UNUSABLE`.
 */
export async function installPair(folder: string, name: string, pair: PairText): Promise<InstalledPair> {
  if (!PAIR_NAME.test(name) || name === AUTHORITY_NAME) {
    const why =
      name === AUTHORITY_NAME ? ': ca.crt is the file of the CAs whose clients all hosts let in' : ''
    throw new CertificateError(
      'CERTIFICATE_NAME_INVALID',
      `A certificate cannot be kept by the name ${JSON.stringify(name.slice(0, 80))}${why}`,
      'Use the whole name of its host',
    )
  }
  checkPair(pair)
  const certFile = join(folder, `${name}.crt`)
  const keyFile = join(folder, `${name}.key`)
  try {
    const home = join(folder, PAIRS, name)
    await makeFolder(folder, PRIVATE_FOLDER)
    await makeFolder(home, FOLDER_MODE)
    const owner = await ownerFor(folder)
    const place: Place = { folder, home, name, owner }
    await keepWhatStands(place, certFile, keyFile)
    for (let attempt = 1; ; attempt++) {
      await switchTo(place, await writeVersion(place, { chain: pair.chainPem, key: pair.keyPem }))
      await link(place, keyFile, KEY_FILE)
      // Last and always, so that a watch of the folder sees a change in it.
      await link(place, certFile, CHAIN_FILE)
      await removeOldVersions(home)
      if (await isWhole(home)) return { certFile, keyFile }
      if (attempt === MAX_ATTEMPTS) throw new Error('other installations remove it again and again')
    }
  } catch (error) {
    throw new CertificateError(
      'CERTIFICATE_FOLDER_UNUSABLE',
      `The certificate cannot be kept in ${folder} (${reasonOf(error)})`,
      'Make the folder writable for the user this runs as, and see that it is not mounted read-only',
      error,
    )
  }
}

interface PairContent {
  readonly chain: string | Buffer
  readonly key: string | Buffer
}

interface Place {
  readonly folder: string
  readonly home: string
  readonly name: string
  /** Undefined: the user of this process. */
  readonly owner: Owner | undefined
}

/**
 * Turns a pair of plain files, or of another tool's links, into a version of its own, with the same content: from then
 * on both files change by one rename.
 */
async function keepWhatStands(place: Place, certFile: string, keyFile: string): Promise<void> {
  const inside = join(await realpath(place.folder), PAIRS, place.name)
  const targets = await Promise.all([certFile, keyFile].map((file) => realpath(file).catch(() => undefined)))
  const [cert, key] = targets
  if (cert === undefined || key === undefined || targets.every((target) => target?.startsWith(inside))) return
  // As bytes: the existing files may be DER.
  const [chain, keyBytes] = await Promise.all([cert, key].map(readCertificateFile))
  if (!chain || !keyBytes) return
  const standing = { chain: chain.bytes, key: keyBytes.bytes }
  await switchTo(place, await writeVersion(place, standing))
  await link(place, keyFile, KEY_FILE)
  await link(place, certFile, CHAIN_FILE)
}

async function writeVersion({ home, owner }: Place, { chain, key }: PairContent): Promise<string> {
  const time = new Date().toISOString().replace(/[-:.]/g, '')
  const version = `${time}-${randomBytes(4).toString('hex')}`
  const folder = join(home, version)
  await makeFolder(folder, FOLDER_MODE)
  await writeSynced(join(folder, KEY_FILE), key, { mode: KEY_MODE, owner })
  await writeSynced(join(folder, CHAIN_FILE), chain, { mode: CERTIFICATE_MODE, owner })
  await syncFolder(folder)
  if (owner) for (const path of [folder, home, dirname(home)]) await chown(path, owner.uid, owner.gid)
  return version
}

async function switchTo(place: Place, version: string): Promise<void> {
  await replaceLink(place, join(place.home, 'current'), version)
}

async function link(place: Place, file: string, target: string): Promise<void> {
  await replaceLink(place, file, join(PAIRS, place.name, 'current', target))
}

async function replaceLink({ home, owner }: Place, path: string, target: string): Promise<void> {
  const draft = join(home, `.${randomBytes(6).toString('hex')}.new`)
  await symlink(target, draft)
  if (owner) await lchown(draft, owner.uid, owner.gid)
  await rename(draft, path)
  await syncFolder(dirname(path))
}

async function writeSynced(
  path: string,
  content: string | Buffer,
  { mode, owner }: { mode: number; owner: Owner | undefined },
): Promise<void> {
  await using file = await open(path, 'wx', mode)
  await file.chmod(mode)
  if (owner) await file.chown(owner.uid, owner.gid)
  await file.writeFile(content)
  await file.sync()
}

async function isWhole(home: string): Promise<boolean> {
  const files = [KEY_FILE, CHAIN_FILE].map((name) => stat(join(home, 'current', name)))
  return (await Promise.allSettled(files)).every(({ status }) => status === 'fulfilled')
}

/** Versions begin with their time. Half-made ones of a crash are removed in the same way. */
async function removeOldVersions(home: string): Promise<void> {
  const current = await readlink(join(home, 'current'))
  const versions = (await readdir(home)).filter((name) => /^\d{8}T/.test(name) && name !== current)
  for (const name of versions.sort().slice(0, -KEPT_VERSIONS)) {
    await rm(join(home, name), { recursive: true, force: true })
  }
  // Links that were never put in place: those of another installation under way are young.
  for (const draft of (await readdir(home)).filter((name) => name.endsWith('.new'))) {
    const path = join(home, draft)
    const stats = await lstat(path).catch(() => undefined)
    if (stats && Date.now() - stats.mtimeMs > DRAFT_AGE_MS) await rm(path, { force: true })
  }
}
