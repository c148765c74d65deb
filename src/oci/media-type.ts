/** Media types of the manifests that this registry can parse. */
export const MEDIA_TYPES = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  /** Withdrawn from image-spec 1.1, still pushed by older tools. */
  ociArtifact: 'application/vnd.oci.artifact.manifest.v1+json',
} as const

/** Form of a manifest: an image names a config and layers, an index names manifests. */
export type ManifestKind = 'image' | 'index'

const KINDS: ReadonlyMap<string, ManifestKind> = new Map([
  [MEDIA_TYPES.ociManifest, 'image'],
  [MEDIA_TYPES.dockerManifest, 'image'],
  [MEDIA_TYPES.ociArtifact, 'image'],
  [MEDIA_TYPES.ociIndex, 'index'],
  [MEDIA_TYPES.dockerList, 'index'],
])

/**
 * Layers of these types are stored elsewhere and need not be pushed: image-spec "Non-Distributable Layers", Docker
 * "foreign".
 */
const NON_DISTRIBUTABLE =
  /^application\/vnd\.(?:oci\.image\.layer\.nondistributable\.|docker\.image\.rootfs\.foreign\.)/

/** The kind of a manifest by its media type; undefined for a type that is no manifest. */
export function findManifestKind(mediaType: string): ManifestKind | undefined {
  return KINDS.get(mediaType)
}

/** True if content of this type need not be in the registry. */
export function isNonDistributable(mediaType: string): boolean {
  return NON_DISTRIBUTABLE.test(mediaType)
}

/** The type without its parameters, in lower case (RFC 9110, 8.3.1). */
export function parseEssence(contentType: string): string {
  const semicolon = contentType.indexOf(';')
  return (semicolon < 0 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase()
}
