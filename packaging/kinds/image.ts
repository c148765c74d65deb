import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Architecture } from '../architecture.ts'
import { addArchitecture, startContext } from '../image/build-context.ts'
import { buildImage } from '../image/build-image.ts'
import { addReferrer, type LayoutImage, startLayout, writeLayoutFile } from '../image/oci-layout.ts'
import { formatProvenance } from '../image/provenance.ts'
import { formatSbom } from '../image/sbom.ts'
import type { PackOptions } from '../pack-options.ts'
import { runTool } from '../run-tool.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Makes `berth-VERSION-ARCH.tar`, an image that `docker load`, podman and skopeo take, with its list of parts and its
 * provenance as referrers, which are also beside it (`.spdx.json`, `.provenance.json`), and its build context, `image/`.
 * For several architectures it makes `berth-VERSION.tar`, an index with one image each.
 *
 * It needs buildah, apt-get, dpkg-deb, GNU tar and binutils; for another architecture than the machine's its `strip`, and
 * npm. The same commit, Node and packages of Debian give the same bytes. @returns the path of the image.
 */
export async function packImage({ folder, architectures }: PackOptions): Promise<string> {
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string }
  const commit = await readCommit()
  const layout = join(folder, 'layout')
  const names = architectures.map((architecture) => `berth-${version}-${architecture}`)
  const [only] = names
  const file = join(folder, `${names.length === 1 ? only : `berth-${version}`}.tar`)
  await rm(file, { force: true })
  await startContext(join(folder, 'image'))
  try {
    await startLayout(layout)
    const images: LayoutImage[] = []
    for (const architecture of architectures)
      images.push(await makeImage({ folder, layout, version, commit, architecture }))
    await writeLayoutFile({ folder: layout, file, tag: `berth:${version}`, images, timeS: commit.timeS })
  } finally {
    await rm(layout, { recursive: true, force: true })
  }
  return file
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

interface Image {
  /** Folder of the results. */
  readonly folder: string
  /** Folder of the layout that takes the image. */
  readonly layout: string
  readonly version: string
  readonly commit: Commit
  readonly architecture: Architecture
}

/** Makes the image of one architecture, with its two documents. */
async function makeImage({ folder, layout, version, commit, architecture }: Image): Promise<LayoutImage> {
  const context = join(folder, 'image')
  const made = await addArchitecture(context, { architecture, parts: join(folder, 'bundle') })
  const { timeS } = commit
  const image = await buildImage({
    ...{ context, layout, architecture, version, revision: commit.id, timeS },
    temp: join(folder, 'build'),
  })
  const lock: unknown = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8'))
  const parts = { version, architecture, lock, ...made }
  const sbom = formatSbom({ ...parts, createdS: timeS })
  const origin = formatProvenance({ ...parts, digest: image.digest, commit: commit.id })
  const name = join(folder, `berth-${version}-${architecture}`)
  await writeFile(`${name}.spdx.json`, sbom)
  await writeFile(`${name}.provenance.json`, origin)
  const referrers = [
    await addReferrer(layout, { subject: image, type: 'application/spdx+json', text: sbom }),
    await addReferrer(layout, { subject: image, type: 'application/vnd.in-toto+json', text: origin }),
  ]
  return { architecture, image, referrers }
}
