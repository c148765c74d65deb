import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ARCHITECTURES, type Architecture, findOwnArchitecture } from '../architecture.ts'
import { hashFile } from '../hash-file.ts'
import { runTool } from '../run-tool.ts'

/** Packages whose files the executable needs: its libraries, time zones, certificates of CAs, names of the system. */
const PACKAGES = ['base-files', 'ca-certificates', 'libatomic1', 'libc6', 'libgcc-s1', 'libstdc++6', 'tzdata']
/** Files that no program of the image reads. */
const UNUSED = [
  'usr/share/doc',
  'usr/share/man',
  'usr/share/lintian',
  'usr/share/gcc',
  ...Object.values(ARCHITECTURES).map(({ gnu }) => `usr/lib/${gnu}/gconv`),
  'usr/sbin',
  'etc/update-motd.d',
  'usr/share/gdb',
  'var',
  'home',
  'root',
]

/** A package as it is in the image. */
export interface DebianPackage {
  readonly name: string
  readonly version: string
  readonly architecture: string
  /** SHA-256 of its file, in hexadecimal. */
  readonly sha256: string
}

/**
 * Unpacks the packages for an architecture into a folder, from the machine's own apt sources, whose signatures apt
 * checks. Errors: apt-get or dpkg-deb is missing or fails.
 */
export async function unpackDebianFiles(root: string, architecture: Architecture): Promise<DebianPackage[]> {
  const temp = await mkdtemp(join(tmpdir(), 'berth-debian-'))
  try {
    const downloads = join(temp, 'downloads')
    await mkdir(downloads)
    await download(architecture, { downloads, state: join(temp, 'apt') })
    const found: DebianPackage[] = []
    for (const file of (await readdir(downloads)).sort()) {
      const path = join(downloads, file)
      await runTool('dpkg-deb', ['--extract', path, root])
      found.push(await readPackage(path))
    }
    await keepLicenses(root)
    for (const path of UNUSED) await rm(join(root, path), { recursive: true, force: true })
    await writeAuthorities(root)
    return found
  } finally {
    await rm(temp, { recursive: true, force: true })
  }
}

/**
 * Downloads the packages. The machine knows the packages of its own architecture; for another, their lists are fetched
 * into a state of apt that is used for that alone, so the machine stays as it is.
 */
async function download(
  architecture: Architecture,
  { downloads, state }: { readonly downloads: string; readonly state: string },
): Promise<void> {
  const options = ['APT::Sandbox::User=root']
  if (architecture !== findOwnArchitecture()) {
    for (const path of ['lists/partial', 'cache/archives/partial'])
      await mkdir(join(state, path), { recursive: true })
    await writeFile(join(state, 'status'), '')
    options.push(
      ...[`APT::Architecture=${architecture}`, `APT::Architectures=${architecture}`, `Dir::State=${state}`],
      ...[`Dir::State::status=${join(state, 'status')}`, `Dir::Cache=${join(state, 'cache')}`],
    )
  }
  const flags = options.flatMap((option) => ['-o', option])
  if (architecture !== findOwnArchitecture()) await runTool('apt-get', ['update', ...flags])
  const names = PACKAGES.map((name) => `${name}:${architecture}`)
  await runTool('apt-get', ['download', ...flags, ...names], downloads)
}

async function readPackage(path: string): Promise<DebianPackage> {
  const shown = await runTool('dpkg-deb', ['--field', path, 'Package', 'Version', 'Architecture'])
  const [name = '', version = '', architecture = ''] = shown
    .split('\n')
    .map((line) => line.replace(/^\w+: /, ''))
  return { name, version, architecture, sha256: await hashFile(path) }
}

/** The licenses stay, as they demand. */
async function keepLicenses(root: string): Promise<void> {
  await mkdir(join(root, 'usr/share/licenses'), { recursive: true })
  for (const name of PACKAGES) {
    const text = await readFile(join(root, 'usr/share/doc', name, 'copyright'), 'utf8').catch(() => undefined)
    if (text !== undefined) await writeFile(join(root, 'usr/share/licenses', name), text)
  }
}

/** All certificates in one file, as "update-ca-certificates" makes it, which is not run here. */
async function writeAuthorities(root: string): Promise<void> {
  const folder = join(root, 'usr/share/ca-certificates/mozilla')
  const texts = await Promise.all(
    (await readdir(folder)).sort().map((file) => readFile(join(folder, file), 'utf8')),
  )
  await mkdir(join(root, 'etc/ssl/certs'), { recursive: true })
  await writeFile(join(root, 'etc/ssl/certs/ca-certificates.crt'), texts.join(''))
  await rm(join(root, 'usr/share/ca-certificates'), { recursive: true })
}
