import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { runTool } from '../run-tool.ts'

const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json'
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

/** Adds a text as a blob. */
export async function addText(folder: string, mediaType: string, text: string): Promise<Descriptor> {
  const hex = createHash('sha256').update(text).digest('hex')
  await writeFile(join(folder, 'blobs/sha256', hex), text)
  return { mediaType, digest: `sha256:${hex}`, size: Buffer.byteLength(text) }
}

/** Adds a tar file, compressed, as a layer. */
export async function addLayer(folder: string, tar: string): Promise<Descriptor> {
  const started = join(folder, 'layer')
  const hash = createHash('sha256')
  await pipeline(
    createReadStream(tar),
    createGzip({ level: GZIP_LEVEL }),
    async function* (chunks) {
      for await (const chunk of chunks) {
        hash.update(chunk)
        yield chunk
      }
    },
    createWriteStream(started),
  )
  const hex = hash.digest('hex')
  const { size } = await stat(started)
  await rename(started, join(folder, 'blobs/sha256', hex))
  return { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: `sha256:${hex}`, size }
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
  const manifest = { schemaVersion: 2, mediaType: MANIFEST_TYPE, ...fields }
  return addText(folder, MANIFEST_TYPE, JSON.stringify(manifest))
}

/** Adds a document about a manifest, as an artifact that refers to it. */
export async function addReferrer(
  folder: string,
  { subject, type, text }: { readonly subject: Descriptor; readonly type: string; readonly text: string },
): Promise<Descriptor> {
  // The empty configuration and the artifact's type are as the image specification describes them.
  const config = await addText(folder, 'application/vnd.oci.empty.v1+json', '{}')
  const layers = [await addText(folder, type, text)]
  const manifest = await addManifest(folder, { artifactType: type, config, layers, subject })
  return { ...manifest, artifactType: type }
}

/** Parts of a file with an OCI image layout. */
interface LayoutFile {
  readonly folder: string
  readonly file: string
  readonly tag: string
  readonly image: Descriptor
  /** Manifests that describe the image. */
  readonly referrers: readonly Descriptor[]
  /** Seconds since 1970: the time of all entries. */
  readonly timeS: number
}

/**
 * Writes a layout with an image as one file. It has `manifest.json`, too, by which engines before Docker 25 load it. The
 * same blobs give the same bytes. Errors: GNU tar is missing.
 */
export async function writeLayoutFile({
  folder,
  file,
  tag,
  image,
  referrers,
  timeS,
}: LayoutFile): Promise<void> {
  const name = tag.slice(tag.lastIndexOf(':') + 1)
  const annotations = {
    'org.opencontainers.image.ref.name': name,
    'io.containerd.image.name': `docker.io/library/${tag}`,
  }
  const manifests = [{ ...image, annotations }, ...referrers]
  const index = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests }
  await writeFile(join(folder, 'index.json'), JSON.stringify(index))
  const { config, layers } = JSON.parse(await readFile(blobPath(folder, image), 'utf8')) as {
    config: Descriptor
    layers: Descriptor[]
  }
  const docker = [{ Config: blobName(config), RepoTags: [tag], Layers: layers.map(blobName) }]
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(docker))
  await runTool('tar', [
    ...[
      '--create',
      '--file',
      file,
      '--directory',
      folder,
      '--format=ustar',
      '--sort=name',
      `--mtime=@${timeS}`,
    ],
    ...['--owner=0', '--group=0', '--numeric-owner', '--mode=u=rwX,go=rX'],
    ...['blobs', 'index.json', 'manifest.json', 'oci-layout'],
  ])
}

function blobPath(folder: string, { digest }: Descriptor): string {
  return join(folder, blobName({ digest }))
}

function blobName({ digest }: Pick<Descriptor, 'digest'>): string {
  return `blobs/${digest.replace(':', '/')}`
}
