import { chmod, copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { arch } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { unpackDebianFiles } from '../image/debian-files.ts'
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
 * Makes `berth-VERSION-ARCH.tar`, an image that `docker load`, podman and skopeo take, and beside it its list of parts
 * (`.spdx.json`) and its build context, `image/`. It needs buildah, apt-get, dpkg-deb and binutils, and is made for the
 * architecture of this machine. @returns the path of the image.
 */
export async function packImage({ folder, isReproducible }: PackOptions): Promise<string> {
  const architecture = ARCHITECTURES[arch()]
  if (architecture === undefined) throw new Error(`there is no image for ${arch()}`)
  const context = join(folder, 'image')
  await rm(context, { recursive: true, force: true })
  await mkdir(join(context, 'root/usr/bin'), { recursive: true })
  await mkdir(join(context, 'data'))
  const packages = await unpackDebianFiles(join(context, 'root'), architecture)
  await writeUsers(join(context, 'root'))
  const executable = await packExecutable({ folder, isReproducible })
  await copyFile(executable, join(context, 'root/usr/bin/berth'))
  await chmod(join(context, 'root/usr/bin/berth'), 0o755)
  await copyFile(join(ROOT, 'packaging/image/Containerfile'), join(context, 'Containerfile'))
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string }
  const commit = await readCommit()
  const file = join(folder, `berth-${version}-${architecture}.tar`)
  const lock: unknown = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8'))
  const sbom = formatSbom({ version, architecture, packages, lock, createdS: commit.timeS })
  await writeFile(file.replace(/tar$/, 'spdx.json'), sbom)
  await build({ context, file, version, commit })
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

/** The commit of the checkout. `SOURCE_DATE_EPOCH` sets the time, also where there is no git. */
async function readCommit(): Promise<Commit> {
  const shown = await runTool('git', ['log', '-1', '--format=%H %ct'], ROOT).catch(() => 'unknown 0')
  const [id = '', time = ''] = shown.trim().split(' ')
  return { id, timeS: Number(process.env.SOURCE_DATE_EPOCH ?? time) }
}

interface Build {
  readonly context: string
  readonly file: string
  readonly version: string
  readonly commit: Commit
}

async function build({ context, file, version, commit }: Build): Promise<void> {
  const storage = join(context, 'storage')
  const place = ['--storage-driver', 'vfs', '--root', storage, '--runroot', join(context, 'run')]
  const name = `localhost/berth:${version}`
  const created = new Date(commit.timeS * 1000).toISOString()
  const values = [`VERSION=${version}`, `REVISION=${commit.id}`, `CREATED=${created}`]
  try {
    await rm(file, { force: true })
    await runTool('buildah', [
      ...[...place, 'bud', '--isolation', 'chroot', '--layers=false', '--timestamp', String(commit.timeS)],
      // Images of OCI's own format have no health check.
      ...['--format', 'docker', '--identity-label=false', '--tag', name],
      ...[...values.flatMap((value) => ['--build-arg', value]), context],
    ])
    await runTool('buildah', [...place, 'push', '--quiet', name, `docker-archive:${file}:berth:${version}`])
  } finally {
    await rm(storage, { recursive: true, force: true })
    await rm(join(context, 'run'), { recursive: true, force: true })
  }
}
