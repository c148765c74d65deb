import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { runTool } from '../run-tool.ts'
import { withoutFactsOfBuild } from './image-config.ts'
import { addConfig, addLayer, addManifest, type Descriptor } from './oci-layout.ts'

/** Folder, base and settings of one build of an image. */
interface Build {
  /** Folder with the Containerfile and the files of the architecture. */
  readonly context: string
  /** Folder that is made for the build, and removed. */
  readonly temp: string
  /** Folder of the layout that takes the image. */
  readonly layout: string
  readonly architecture: string
  readonly version: string
  /** Id of the commit. */
  readonly revision: string
  /** Seconds since 1970: the time of all files. */
  readonly timeS: number
}

/** Builds an image by buildah, and adds it to a layout without anything of this build. @returns its manifest. */
export async function buildImage(build: Build): Promise<Descriptor> {
  const { context, temp, layout, architecture, version, revision, timeS } = build
  const place = ['--storage-driver', 'vfs', '--root', join(temp, 'storage'), '--runroot', join(temp, 'run')]
  const name = `localhost/berth:${version}`
  const created = new Date(timeS * 1000).toISOString()
  const values = [`VERSION=${version}`, `REVISION=${revision}`, `CREATED=${created}`]
  const built = join(temp, 'built')
  try {
    await runTool(
      'buildah',
      [
        [...place, 'bud', '--isolation', 'chroot', '--layers=false', '--timestamp', String(timeS)],
        // Images of OCI's own format have no health check.
        ['--format', 'docker', '--identity-label=false', '--tag', name],
        ['--arch', architecture, '--build-arg', `TARGETARCH=${architecture}`],
        // The default of the Containerfile, which buildah 1.28 takes for an image to pull.
        ['--build-arg', 'BASE=debian-files'],
        [...values.flatMap((value) => ['--build-arg', value]), context],
      ].flat(),
    )
    await runTool('buildah', [...place, 'push', '--quiet', '--disable-compression', name, `dir:${built}`])
    return await addBuilt(layout, built)
  } finally {
    await rm(temp, { recursive: true, force: true })
  }
}

/** Adds an image from the folder in which buildah wrote it. */
async function addBuilt(layout: string, built: string): Promise<Descriptor> {
  const read = async (name: string): Promise<unknown> => JSON.parse(await readFile(join(built, name), 'utf8'))
  const manifest = (await read('manifest.json')) as { config: Descriptor; layers: Descriptor[] }
  const config = (await read(fileName(manifest.config))) as Record<string, unknown>
  const layers: Descriptor[] = []
  for (const layer of manifest.layers) layers.push(await addLayer(layout, join(built, fileName(layer))))
  return addManifest(layout, { config: await addConfig(layout, withoutFactsOfBuild(config)), layers })
}

/** Name of a blob's file in a folder of `dir:`. */
function fileName({ digest }: Descriptor): string {
  return digest.slice('sha256:'.length)
}
