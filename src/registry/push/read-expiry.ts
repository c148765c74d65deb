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

/** Longest part of a value that is shown, in characters: its sender chooses it. */
const MAX_SHOWN = 40

/** Result of a search for a label. Both are undefined if there is none. */
interface FoundExpiry {
  /** In milliseconds. */
  readonly afterMs: number | undefined
  /** Name and value of a label that is no duration, if none can be read. Printable ASCII. */
  readonly unread: string | undefined
}

const NONE: FoundExpiry = { afterMs: undefined, unread: undefined }

/**
 * Time after which an image expires, from an annotation of its manifest or a label of its config.
 * Without one that can be read only the rules of the operator count.
 */
export async function readExpiry(
  blobs: Pick<BlobReader, 'send'>,
  { config, annotationsJson }: Manifest,
): Promise<FoundExpiry> {
  const annotation = annotationsJson?.includes(COMMON_PART) ? findExpiry(JSON.parse(annotationsJson)) : NONE
  if (annotation.afterMs !== undefined || !config || !IMAGE_CONFIGS.has(config.mediaType)) return annotation
  if (config.size === 0 || config.size > MAX_CONFIG_BYTES) return annotation
  const chunks: Buffer[] = []
  try {
    await blobs.send(config.digest, [{ start: 0, end: config.size }], async (bytes) => {
      chunks.push(Buffer.from(bytes))
    })
    const text = Buffer.concat(chunks).toString()
    const label = text.includes(COMMON_PART) ? findExpiry(findLabels(JSON.parse(text))) : NONE
    return {
      afterMs: label.afterMs,
      unread: label.afterMs === undefined ? (annotation.unread ?? label.unread) : undefined,
    }
  } catch {
    // A config that is absent, as is allowed for sparse manifests, or no JSON, as is its sender's right, has no labels.
    return annotation
  }
}

function findLabels(config: unknown): unknown {
  const inner = isJsonObject(config) ? config.config : undefined
  return isJsonObject(inner) ? inner.Labels : undefined
}

function findExpiry(labels: unknown): FoundExpiry {
  if (!isJsonObject(labels)) return NONE
  let unread: string | undefined
  for (const name of LABELS) {
    const value = labels[name]
    const afterMs = typeof value === 'string' ? parseDuration(value) : undefined
    if (afterMs !== undefined) return { afterMs, unread: undefined }
    if (value !== undefined) unread ??= `${name}=${formatShown(value)}`
  }
  return { afterMs: undefined, unread }
}

/** A value for a header and the log, without quotes and characters that end a line. */
function formatShown(value: unknown): string {
  const text = typeof value === 'string' ? value : `(${typeof value})`
  return text.slice(0, MAX_SHOWN).replace(/[^ !#-[\]-~]/g, '?')
}
