import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Manifest } from '../../oci/manifest.ts'

/**
 * A manifest in the form for another thread. Objects are copied one by one, which for 30,000 layers takes the serving
 * thread as long as parsing them would: texts and numbers in a row take a few milliseconds.
 */
export interface PackedManifest extends Omit<Manifest, 'config' | 'layers' | 'children' | 'subject'> {
  readonly config: PackedDescriptors
  readonly layers: PackedDescriptors
  readonly children: PackedDescriptors
  readonly subject: PackedDescriptors
}

/** The parts of descriptors that are stored with a manifest. */
interface PackedDescriptors {
  /** One a line. */
  readonly digests: string
  readonly sizes: Float64Array
  /** The different media types, and the index of each descriptor's one. */
  readonly mediaTypes: readonly string[]
  readonly types: Uint32Array
}

/** Packs a manifest; of descriptors only media type, digest and size are kept. */
export function packManifest(manifest: Manifest): PackedManifest {
  const { config, layers, children, subject } = manifest
  return {
    ...manifest,
    config: pack(config ? [config] : []),
    layers: pack(layers),
    children: pack(children),
    subject: pack(subject ? [subject] : []),
  }
}

/** The manifest that was packed. */
export function unpackManifest(packed: PackedManifest): Manifest {
  return {
    ...packed,
    config: unpack(packed.config)[0],
    layers: unpack(packed.layers),
    children: unpack(packed.children),
    subject: unpack(packed.subject)[0],
  }
}

function pack(descriptors: readonly Descriptor[]): PackedDescriptors {
  const indexes = new Map<string, number>()
  const types = new Uint32Array(descriptors.length)
  for (const [at, { mediaType }] of descriptors.entries()) {
    const index = indexes.get(mediaType) ?? indexes.size
    indexes.set(mediaType, index)
    types[at] = index
  }
  return {
    digests: descriptors.map(({ digest }) => digest).join('\n'),
    sizes: Float64Array.from(descriptors, ({ size }) => size),
    mediaTypes: [...indexes.keys()],
    types,
  }
}

function unpack({ digests, sizes, mediaTypes, types }: PackedDescriptors): Descriptor[] {
  if (sizes.length === 0) return []
  return digests.split('\n').map((digest, at) => ({
    mediaType: mediaTypes[types[at] ?? 0] ?? '',
    digest: digest as Digest,
    size: sizes[at] ?? 0,
  }))
}
