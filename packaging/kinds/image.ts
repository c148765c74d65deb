import { createHash } from 'node:crypto'
import { chmod, copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { arch } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { unpackDebianFiles } from '../image/debian-files.ts'
import { withoutFactsOfBuild } from '../image/image-config.ts'
import {
  addLayer,
  addManifest,
  addReferrer,
  addText,
  type Descriptor,
  startLayout,
  writeLayoutFile,
} from '../image/oci-layout.ts'
import { formatProvenance } from '../image/provenance.ts'
import { formatSbom } from '../image/sbom.ts'
import type { PackOptions } from '../pack-options.ts'
import { runTool } from '../run-tool.ts'
import { packExecutable } from './executable.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** Debian's names of the architectures of Node. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' }
/** User of the image, as in distroless images. */
const USER = 65_532

/**
 * Makes `berth-VERSION-ARCH.tar`, an image that `docker load`, podman and skopeo take, with its list of parts and its
 * provenance as referrers, which are also beside it (`.spdx.json`, `.provenance.json`), and its build context, `image/`. It needs buildah, apt-get, dpkg-deb and binutils, and is made for the
 * architecture of this machine. The same commit, Node and packages of Debian give the same bytes.
 * @returns the path of the image.
 */
export async function packImage({ folder }: PackOptions): Promise<string> {
  const architecture = ARCHITECTURES[arch()]
  if (architecture === undefined) throw new Error(`there is no image for ${arch()}`)
  const context = join(folder, 'image')
  await rm(context, { recursive: true, force: true })
  await mkdir(join(context, 'root/usr/bin'), { recursive: true })
  await mkdir(join(context, 'data'))
  const packages = await unpackDebianFiles(join(context, 'root'), architecture)
  await writeUsers(join(context, 'root'))
  const executable = await packExecutable({ folder, isReproducible: true })
  await copyFile(executable, join(context, 'root/usr/bin/berth'))
  await chmod(join(context, 'root/usr/bin/berth'), 0o755)
  await copyFile(join(ROOT, 'packaging/image/Containerfile'), join(context, 'Containerfile'))
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string }
  const commit = await readCommit()
  const file = join(folder, `berth-${version}-${architecture}.tar`)
  const lock: unknown = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8'))
  const sbom = formatSbom({ version, architecture, packages, lock, createdS: commit.timeS })
  await writeFile(file.replace(/tar$/, 'spdx.json'), sbom)
  const node = { version: process.versions.node, sha256: await hashFile(process.execPath) }
  const formatOrigin = (digest: string): string =>
    formatProvenance({ version, architecture, digest, commit: commit.id, packages, lock, node })
  await build({ context, file, version, commit, sbom, formatOrigin })
  return file
}

async function writeUsers(root: string): Promise<void> {
  const users = [
    'root:x:0:0:root:/:/usr/sbin/nologin',
    `berth:x:${USER}:${USER}:Berth:/data:/usr/sbin/nologin`,
  ]
  await writeFile(join(root, 'etc/passwd'), `${users.join('\n')}\n`)
  await writeFile(join(root, 'etc/group'), `root:x:0:\nberth:x:${USER}:\n`)
  await mkdir(join(root, 'tmp'), { recursive: true })
  await chmod(join(root, 'tmp'), 0o1777)
}

interface Commit {
  readonly id: string
  /** Seconds since 1970: the time of all files of the image. */
  readonly timeS: number
}

/**
 * The commit of the checkout; its id ends in `-modified` where files differ from it. `SOURCE_DATE_EPOCH` sets the time,
 * also where there is no git.
 */
async function readCommit(): Promise<Commit> {
  const shown = await runTool('git', ['log', '-1', '--format=%H %ct'], ROOT).catch(() => 'unknown 0')
  const [hash = '', time = ''] = shown.trim().split(' ')
  const changes = await runTool('git', ['status', '--porcelain'], ROOT).catch(() => '')
  const id = changes === '' ? hash : `${hash}-modified`
  return { id, timeS: Number(process.env.SOURCE_DATE_EPOCH ?? time) }
}

interface Build {
  readonly context: string
  readonly file: string
  readonly version: string
  readonly commit: Commit
  readonly sbom: string
  /** Formats the provenance of an image with this digest. */
  readonly formatOrigin: (digest: string) => string
}

/** Builds the image, and writes it as a layout without anything of this build. */
async function build(options: Build): Promise<void> {
  const { context, file, version, commit } = options
  const storage = join(context, 'storage')
  const place = ['--storage-driver', 'vfs', '--root', storage, '--runroot', join(context, 'run')]
  const name = `localhost/berth:${version}`
  const created = new Date(commit.timeS * 1000).toISOString()
  const values = [`VERSION=${version}`, `REVISION=${commit.id}`, `CREATED=${created}`]
  const built = join(context, 'built')
  try {
    await rm(file, { force: true })
    await runTool('buildah', [
      ...[...place, 'bud', '--isolation', 'chroot', '--layers=false', '--timestamp', String(commit.timeS)],
      // Images of OCI's own format have no health check.
      ...['--format', 'docker', '--identity-label=false', '--tag', name],
      ...[...values.flatMap((value) => ['--build-arg', value]), context],
    ])
    await runTool('buildah', [...place, 'push', '--quiet', '--disable-compression', name, `dir:${built}`])
    await writeLayout({ ...options, built, layout: join(context, 'layout') })
  } finally {
    for (const path of [storage, join(context, 'run'), built, join(context, 'layout')])
      await rm(path, { recursive: true, force: true })
  }
}

interface Layout extends Build {
  /** Folder of the image, as buildah writes it. */
  readonly built: string
  /** Folder of the layout, made and read here. */
  readonly layout: string
}

async function writeLayout({
  built,
  file,
  layout,
  version,
  commit,
  sbom,
  formatOrigin,
}: Layout): Promise<void> {
  const read = async (name: string): Promise<unknown> => JSON.parse(await readFile(join(built, name), 'utf8'))
  const manifest = (await read('manifest.json')) as { config: Descriptor; layers: Descriptor[] }
  const config = (await read(fileName(manifest.config))) as Record<string, unknown>
  await startLayout(layout)
  const layers: Descriptor[] = []
  for (const layer of manifest.layers) layers.push(await addLayer(layout, join(built, fileName(layer))))
  const text = JSON.stringify(withoutFactsOfBuild(config))
  const described = await addText(layout, 'application/vnd.oci.image.config.v1+json', text)
  const image = await addManifest(layout, { config: described, layers })
  const origin = formatOrigin(image.digest)
  await writeFile(file.replace(/tar$/, 'provenance.json'), origin)
  const referrers = [
    await addReferrer(layout, { subject: image, type: 'application/spdx+json', text: sbom }),
    await addReferrer(layout, { subject: image, type: 'application/vnd.in-toto+json', text: origin }),
  ]
  const tag = `berth:${version}`
  await writeLayoutFile({ folder: layout, file, tag, image, referrers, timeS: commit.timeS })
}

async function hashFile(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex')
}

/** Name of a blob's file in a folder of `dir:`. */
function fileName({ digest }: Descriptor): string {
  return digest.slice('sha256:'.length)
}
