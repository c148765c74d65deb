import type { BlobReader } from '../../blobs/blob-store.ts'
import { isJsonObject } from '../../oci/descriptor.ts'
import type { Manifest } from '../../oci/manifest.ts'
import { parseDuration } from '../../policies/retention/duration.ts'

/** Labels for a time such as `3d` from the push of a tag to its end; the first one counts. */
const LABELS = ['berth.expires-after', 'quay.expires-after'] as const
/** Part of all their names: only configs that hold it are parsed. */
const COMMON_PART = 'expires-after'

/** Largest config that is read, in bytes: those of images have some thousand. */
const MAX_CONFIG_BYTES = 256 * 1024

/** Types of configs that hold labels. */
const IMAGE_CONFIGS: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
])

/**
 * Time after which an image expires, in milliseconds, from an annotation of its manifest or a label of its config.
 * Undefined if there is none that can be read: then only the rules of the operator count.
 */
export async function readExpiry(
  blobs: Pick<BlobReader, 'send'>,
  { config, annotationsJson }: Manifest,
): Promise<number | undefined> {
  const annotation = annotationsJson?.includes(COMMON_PART)
    ? findExpiry(JSON.parse(annotationsJson))
    : undefined
  if (annotation !== undefined || !config || !IMAGE_CONFIGS.has(config.mediaType)) return annotation
  if (config.size === 0 || config.size > MAX_CONFIG_BYTES) return undefined
  const chunks: Buffer[] = []
  try {
    await blobs.send(config.digest, [{ start: 0, end: config.size }], async (bytes) => {
      chunks.push(Buffer.from(bytes))
    })
    const text = Buffer.concat(chunks).toString()
    return text.includes(COMMON_PART) ? findExpiry(findLabels(JSON.parse(text))) : undefined
  } catch {
    // A config that is absent, as is allowed for sparse manifests, or no JSON, as is its sender's right, has no labels.
    return undefined
  }
}

function findLabels(config: unknown): unknown {
  const inner = isJsonObject(config) ? config.config : undefined
  return isJsonObject(inner) ? inner.Labels : undefined
}

function findExpiry(labels: unknown): number | undefined {
  if (!isJsonObject(labels)) return undefined
  for (const name of LABELS) {
    const value = labels[name]
    const ms = typeof value === 'string' ? parseDuration(value) : undefined
    if (ms !== undefined) return ms
  }
  return undefined
}
