import { gzipSync } from 'node:zlib'
import { hashSha256 } from '../requests/push-content.ts'
import { makeTar, type TarEntry } from './tar.ts'

/** A piece of content with its OCI descriptor. */
interface Content {
  readonly descriptor: Descriptor
  readonly bytes: Uint8Array
}

/** An OCI content descriptor, as far as tests need it. */
export interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly platform?: Platform
  readonly annotations?: Readonly<Record<string, string>>
}

/** Platform of an image. */
interface Platform {
  readonly os: string
  readonly architecture: string
}

/** A manifest or an index, and all it names. */
export interface Image {
  readonly root: Content
  /** Everything below the root, of any kind, each once. */
  readonly contents: readonly Content[]
}

/** The machine's own platform, in OCI's words. */
const OWN_PLATFORM: Platform = {
  os: 'linux',
  architecture: process.arch === 'x64' ? 'amd64' : process.arch,
}

const TYPE = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
} as const

/** Content with the descriptor made from its bytes. */
function makeContent(mediaType: string, bytes: Uint8Array): Content {
  return { descriptor: { mediaType, digest: hashSha256(bytes), size: bytes.length }, bytes }
}

/** Options of an image. */
interface ImageOptions {
  /** Files of each layer, lowest first. */
  readonly layers: readonly (readonly TarEntry[])[]
  readonly platform?: Platform
  readonly command?: readonly string[]
  readonly annotations?: Readonly<Record<string, string>>
}

/** An OCI image with gzip layers. The same options make the same bytes. */
export function makeImage(options: ImageOptions): Image {
  const tars = options.layers.map(makeTar)
  const layers = tars.map((tar) => makeContent(TYPE.layer, gzipSync(tar)))
  const platform = options.platform ?? OWN_PLATFORM
  const config = makeJson(TYPE.config, {
    ...platform,
    created: '2023-11-14T22:13:20Z',
    config: { Cmd: options.command ?? ['/bin/sh'], Env: ['PATH=/bin'] },
    rootfs: { type: 'layers', diff_ids: tars.map(hashSha256) },
  })
  const manifest = makeJson(TYPE.manifest, {
    schemaVersion: 2,
    mediaType: TYPE.manifest,
    config: config.descriptor,
    layers: layers.map((layer) => layer.descriptor),
    ...(options.annotations && { annotations: options.annotations }),
  })
  const root = { ...manifest, descriptor: { ...manifest.descriptor, platform } }
  return { root, contents: [config, ...layers] }
}

/** An index over images. */
export function makeIndex(images: readonly Image[]): Image {
  const root = makeJson(TYPE.index, {
    schemaVersion: 2,
    mediaType: TYPE.index,
    manifests: images.map((image) => image.root.descriptor),
  })
  return { root, contents: images.flatMap((image) => [...image.contents, image.root]) }
}

function makeJson(mediaType: string, value: unknown): Content {
  return makeContent(mediaType, Buffer.from(JSON.stringify(value)))
}
