import type { ManifestFacts, ReferrerRow } from '../metadata/metadata.ts'
import type { SizeFacts } from '../metadata/size-facts.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { Manifest } from '../oci/manifest.ts'
import type { Reference, Tag } from '../oci/reference.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import { ManifestReader } from './manifests/manifest-reader.ts'

/** Referrers of an image that are listed with it. */
const MAX_REFERRERS = 100
/** Most bytes of their annotations, which are not shown. */
const MAX_REFERRER_BYTES = 1024 * 1024

/** A manifest, what it names, and what names it. */
export interface ImageDetail {
  readonly digest: Digest
  readonly mediaType: string
  /** Length of the manifest itself in bytes. */
  readonly manifestSizeBytes: number
  /** Bytes of the whole image: of an index with its images, and with referrers. */
  readonly sizeBytes: number
  readonly manifest: Manifest
  /** By digest; the first ones. */
  readonly referrers: readonly ReferrerRow[]
  readonly hasMoreReferrers: boolean
}

/** Describes images without counting as a pull. */
export interface ImageDescriber {
  /** `account`: it has one large manifest at a time under way. Undefined if there is none. Errors: `TOOMANYREQUESTS`. */
  describe(
    repository: RepositoryName,
    reference: Reference,
    account: string,
  ): Promise<ImageDetail | undefined>
}

/** Creates the use-case over the facts. */
export function createImageDescriber(parts: {
  readonly metadata: Pick<ManifestFacts, 'findManifest' | 'listReferrers'>
  readonly sizes: Pick<SizeFacts, 'sizeTags'>
}): ImageDescriber {
  const { metadata, sizes } = parts
  const reader = new ManifestReader()
  return {
    async describe(repository, reference, account) {
      const stored = await metadata.findManifest(repository, reference)
      if (!stored) return undefined
      const { digest, bytes, mediaType, size } = stored
      const manifest = await reader.takeTurn(account, bytes, () => reader.read(bytes, mediaType))
      const page = { artifactType: undefined, last: undefined, limit: MAX_REFERRERS }
      const { rows, hasMore } = await metadata.listReferrers(repository, digest, {
        ...page,
        maxBytes: MAX_REFERRER_BYTES,
      })
      // Sizes are computed for names; any will do for a manifest that may have none.
      const name = 'manifest' as Tag
      const found = await sizes.sizeTags(repository, [{ name, digest }])
      return {
        ...{ digest, mediaType, manifest, manifestSizeBytes: size, hasMoreReferrers: hasMore },
        sizeBytes: found.get(name)?.bytes ?? size,
        referrers: rows,
      }
    },
  }
}

/** Platform of a descriptor, such as `linux/arm64/v8`; undefined if it names none. */
export function formatPlatform({ platform }: Descriptor): string | undefined {
  if (typeof platform !== 'object' || platform === null) return undefined
  const { os, architecture, variant } = platform as Record<string, unknown>
  if (typeof os !== 'string' || typeof architecture !== 'string') return undefined
  return [os, architecture, ...(typeof variant === 'string' && variant !== '' ? [variant] : [])].join('/')
}
