import { chmod, copyFile, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ARCHITECTURES, type Architecture } from '../architecture.ts'
import { makeExecutable } from '../bundle/make-executable.ts'
import type { NodeProgram } from '../bundle/node-program.ts'
import { type DebianPackage, unpackDebianFiles } from './debian-files.ts'

const CONTAINERFILE = fileURLToPath(new URL('Containerfile', import.meta.url))
/** User of the image, as in distroless images. */
const USER = 65_532

/** Starts an empty build context in a folder. */
export async function startContext(context: string): Promise<void> {
  await rm(context, { recursive: true, force: true })
  await mkdir(join(context, 'data'), { recursive: true })
  await copyFile(CONTAINERFILE, join(context, 'Containerfile'))
}

/** Adds the files of an architecture to a build context. `parts`: folder of the files that the executable is made from. */
export async function addArchitecture(
  context: string,
  { architecture, parts }: { readonly architecture: Architecture; readonly parts: string },
): Promise<{ packages: DebianPackage[]; node: NodeProgram }> {
  const base = join(context, architecture, 'debian-files')
  const own = join(context, architecture, 'berth')
  await mkdir(base, { recursive: true })
  await mkdir(join(own, 'usr/bin'), { recursive: true })
  const packages = await unpackDebianFiles(base, architecture)
  await writeUsers(base)
  await moveNeeded({ from: base, to: own, architecture })
  const file = join(own, 'usr/bin/berth')
  const node = await makeExecutable({ file, parts, isReproducible: true, architecture })
  return { packages, node }
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

interface Move {
  readonly from: string
  readonly to: string
  readonly architecture: Architecture
}

/** Moves what small base images lack to the executable: libatomic and the certificates of CAs. */
async function moveNeeded({ from, to, architecture }: Move): Promise<void> {
  const libraries = `usr/lib/${ARCHITECTURES[architecture].gnu}`
  const names = (await readdir(join(from, libraries))).filter((name) => name.startsWith('libatomic.so'))
  for (const path of [...names.map((name) => join(libraries, name)), 'etc/ssl/certs/ca-certificates.crt']) {
    await mkdir(dirname(join(to, path)), { recursive: true })
    await rename(join(from, path), join(to, path))
  }
}
