import { nameOf } from '../../access/principal.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import { isDigest } from '../../oci/digest.ts'
import { OciError } from '../../oci/errors.ts'
import { formatPlatform, type ImageDetail } from '../../registry/describe-image.ts'
import type { ConsoleParts } from '../console-parts.ts'
import { ApiError } from '../frame/api-error.ts'
import { type Route, toRoute } from '../frame/route.ts'
import { bytes, digestText, z } from '../frame/schema.ts'

const DIGEST = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
/** Parts of an image that are listed: real ones have fewer. */
const MAX_LISTED = 1_000

const partSchema = z
  .object({
    digest: digestText,
    mediaType: z.string(),
    sizeBytes: bytes,
    platform: z
      .string()
      .nullable()
      .meta({ examples: ['linux/amd64'] }),
    artifactType: z.string().nullable(),
  })
  .meta({ id: 'Descriptor' })

const imageSchema = z
  .object({
    digest: digestText,
    mediaType: z.string(),
    kind: z.enum(['image', 'index']),
    artifactType: z.string().nullable(),
    manifestSizeBytes: bytes.meta({ description: 'Length of the manifest itself' }),
    sizeBytes: bytes.meta({ description: 'The whole image, with referrers; of an index with its images' }),
    config: partSchema.nullable(),
    layers: z.array(partSchema).meta({ description: `The first ${MAX_LISTED}` }),
    images: z.array(partSchema).meta({ description: `Of an index, the first ${MAX_LISTED}` }),
    subject: partSchema
      .nullable()
      .meta({ description: 'The manifest that it refers to, such as a signature does' }),
    referrers: z
      .array(partSchema)
      .meta({ description: 'Signatures and the like; the first ones, by digest' }),
    hasMoreReferrers: z.boolean(),
  })
  .meta({ id: 'Image' })

const PART = { digest: DIGEST, sizeBytes: 3_145_728, platform: null, artifactType: null }

const EXAMPLE = {
  digest: DIGEST,
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  kind: 'image' as const,
  artifactType: null,
  manifestSizeBytes: 812,
  sizeBytes: 3_147_000,
  config: { ...PART, mediaType: 'application/vnd.oci.image.config.v1+json', sizeBytes: 460 },
  layers: [{ ...PART, mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip' }],
  images: [],
  subject: null,
  referrers: [],
  hasMoreReferrers: false,
}

/** Routes about images and what belongs to them. */
export function manifestRoutes({ images, managersOf, requireDelete }: ConsoleParts): Route[] {
  return [
    toRoute({
      method: 'GET',
      path: '/repositories/{repository}/manifests/{reference}',
      access: 'pull',
      id: 'getImage',
      summary: 'An image or an index: what it consists of, sizes, platforms, referrers',
      description: 'It does not count as a pull.',
      answer: imageSchema,
      answerExample: EXAMPLE,
      errors: ['MANIFEST_UNKNOWN'],
      async handle(call) {
        const { repository, reference } = call.params
        const found = await images.describe(repository, reference, nameOf(call.principal))
        if (!found) throw new OciError('MANIFEST_UNKNOWN')
        return { body: toImage(found), etag: found.digest }
      },
    }),
    toRoute({
      method: 'DELETE',
      path: '/repositories/{repository}/manifests/{reference}',
      access: 'delete',
      id: 'deleteManifest',
      summary: 'Puts a manifest, with the tags that point at it, into the trash',
      errors: ['MANIFEST_UNKNOWN', 'MANIFEST_IN_USE', 'UNSUPPORTED'],
      async handle({ params: { repository, reference: digest }, principal }) {
        if (!isDigest(digest))
          throw new OciError('DIGEST_INVALID', { message: 'Name the manifest by its digest' })
        requireDelete()
        const outcome = await managersOf(principal).repositories.deleteManifest(repository, digest)
        if (outcome === 'unknown') throw new OciError('MANIFEST_UNKNOWN')
        if (outcome === 'in-use') throw new OciError('MANIFEST_IN_USE')
        return {}
      },
    }),
    toRoute({
      method: 'POST',
      path: '/repositories/{repository}/manifests/{digest}/restore',
      access: 'create',
      id: 'restoreManifest',
      summary: 'Takes a manifest out of the trash, with the tags that it had',
      errors: ['CONTENT_GONE', 'UNSUPPORTED'],
      async handle({ params: { repository, digest }, principal }) {
        if (await managersOf(principal).repositories.restoreManifest(repository, digest)) return {}
        throw new ApiError('CONTENT_GONE', { message: 'It is not in the trash' })
      },
    }),
  ]
}

function toImage({ manifest, referrers, ...found }: ImageDetail) {
  const { digest, mediaType, manifestSizeBytes, sizeBytes, hasMoreReferrers } = found
  const { kind, artifactType, config, layers, children, subject } = manifest
  return {
    ...{ digest, mediaType, kind, artifactType: artifactType ?? null, manifestSizeBytes, sizeBytes },
    config: config ? toPart(config) : null,
    layers: layers.slice(0, MAX_LISTED).map(toPart),
    images: children.slice(0, MAX_LISTED).map(toPart),
    subject: subject ? toPart(subject) : null,
    referrers: referrers.map((row) => ({
      ...{ digest: row.digest, mediaType: row.mediaType, sizeBytes: row.size, platform: null },
      artifactType: row.artifactType ?? null,
    })),
    hasMoreReferrers,
  }
}

function toPart(part: Descriptor) {
  const { digest, mediaType, size, artifactType } = part
  return {
    ...{ digest, mediaType, sizeBytes: size },
    platform: formatPlatform(part) ?? null,
    artifactType: artifactType ?? null,
  }
}
