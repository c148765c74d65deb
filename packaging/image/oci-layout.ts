import { createHash, hash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { MEDIA_TYPES } from '../../src/oci/media-type.ts'
import { runTool } from '../run-tool.ts'

const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json'
const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar+gzip'
const EMPTY_TYPE = 'application/vnd.oci.empty.v1+json'
/** Level of gzip: beyond it the layer gets smaller by less than 1 %, and takes several times as long. */
const GZIP_LEVEL = 7

/** Content of a layout by its digest, as in the image specification. */
export interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  /** Type of the artifact whose manifest it is. */
  readonly artifactType?: string
}

/** Starts an empty OCI image layout in a folder. */
export async function startLayout(folder: string): Promise<void> {
  await mkdir(join(folder, 'blobs/sha256'), { recursive: true })
  await writeFile(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
}

/** Adds the configuration of an image. */
export function addConfig(folder: string, config: Readonly<Record<string, unknown>>): Promise<Descriptor> {
  return addText(folder, CONFIG_TYPE, JSON.stringify(config))
}

async function addText(folder: string, mediaType: string, text: string): Promise<Descriptor> {
  const hex = hash('sha256', text)
  await writeFile(join(folder, 'blobs/sha256', hex), text)
  return { mediaType, digest: `sha256:${hex}`, size: Buffer.byteLength(text) }
}

/** Adds a tar file, compressed, as a layer. */
export async function addLayer(folder: string, tar: string): Promise<Descriptor> {
  const started = join(folder, 'layer')
  const running = createHash('sha256')
  await pipeline(
    createReadStream(tar),
    createGzip({ level: GZIP_LEVEL }),
    async function* (chunks) {
      for await (const chunk of chunks) {
        running.update(chunk)
        yield chunk
      }
    },
    createWriteStream(started),
  )
  const hex = running.digest('hex')
  const { size } = await stat(started)
  await rename(started, join(folder, 'blobs/sha256', hex))
  return { mediaType: LAYER_TYPE, digest: `sha256:${hex}`, size }
}

/** Adds a manifest of this configuration and these layers, with more of its fields where given. */
export async function addManifest(
  folder: string,
  fields: {
    readonly config: Descriptor
    readonly layers: readonly Descriptor[]
    readonly [name: string]: unknown
  },
): Promise<Descriptor> {
  const manifest = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociManifest, ...fields }
  return addText(folder, MEDIA_TYPES.ociManifest, JSON.stringify(manifest))
}

/** Adds a document about a manifest, as an artifact that refers to it. */
export async function addReferrer(
  folder: string,
  { subject, type, text }: { readonly subject: Descriptor; readonly type: string; readonly text: string },
): Promise<Descriptor> {
  // The empty configuration and the artifact's type are as the image specification describes them.
  const config = await addText(folder, EMPTY_TYPE, '{}')
  const layers = [await addText(folder, type, text)]
  const manifest = await addManifest(folder, { artifactType: type, config, layers, subject })
  return { ...manifest, artifactType: type }
}

/** An image of a layout. */
export interface LayoutImage {
  readonly architecture: string
  readonly image: Descriptor
  /** Manifests that describe the image. */
  readonly referrers: readonly Descriptor[]
}

/** Parts of a file with an OCI image layout. */
interface LayoutFile {
  readonly folder: string
  readonly file: string
  /** Name and tag, `berth:0.1.0`. */
  readonly tag: string
  /** One, or one for each architecture, which an index then holds. */
  readonly images: readonly LayoutImage[]
  /** Seconds since 1970: the time of all entries. */
  readonly timeS: number
}

/**
 * Writes a layout as one file. It has `manifest.json`, too, by which engines before Docker 25 load it. The same blobs
 * give the same bytes. Errors: GNU tar is missing.
 */
export async function writeLayoutFile({ folder, file, tag, images, timeS }: LayoutFile): Promise<void> {
  const annotations = {
    'org.opencontainers.image.ref.name': tag.slice(tag.lastIndexOf(':') + 1),
    'io.containerd.image.name': `docker.io/library/${tag}`,
  }
  const [first] = images
  const named = first && images.length === 1 ? first.image : await addIndex(folder, images)
  const referrers = images.flatMap((each) => each.referrers)
  const manifests = [{ ...named, annotations }, ...referrers]
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests }
  await writeFile(join(folder, 'index.json'), JSON.stringify(index))
  await writeFile(join(folder, 'manifest.json'), await formatDockerList(folder, tag, images))
  await runTool(
    'tar',
    [
      ['--create', '--file', file, '--directory', folder, '--format=ustar', '--sort=name'],
      [`--mtime=@${timeS}`, '--owner=0', '--group=0', '--numeric-owner', '--mode=u=rwX,go=rX'],
      ['blobs', 'index.json', 'manifest.json', 'oci-layout'],
    ].flat(),
  )
}

/** Adds an index of images by their architecture. */
function addIndex(folder: string, images: readonly LayoutImage[]): Promise<Descriptor> {
  const manifests = images.map(({ image, architecture }) => ({
    ...image,
    platform: { os: 'linux', architecture },
  }))
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests }
  return addText(folder, MEDIA_TYPES.ociIndex, JSON.stringify(index))
}

/** Docker's own list of images. It knows no index, so that of several each has a tag of its own, `berth:0.1.0-arm64`. */
async function formatDockerList(
  folder: string,
  tag: string,
  images: readonly LayoutImage[],
): Promise<string> {
  const list = images.map(async ({ image, architecture }) => {
    const { config, layers } = JSON.parse(await readFile(blobPath(folder, image), 'utf8')) as {
      config: Descriptor
      layers: Descriptor[]
    }
    const own = images.length === 1 ? tag : `${tag}-${architecture}`
    return { Config: blobName(config), RepoTags: [own], Layers: layers.map(blobName) }
  })
  return JSON.stringify(await Promise.all(list))
}

function blobPath(folder: string, { digest }: Descriptor): string {
  return join(folder, blobName({ digest }))
}

function blobName({ digest }: Pick<Descriptor, 'digest'>): string {
  return `blobs/${digest.replace(':', '/')}`
}
