import { type Digest, parseDigest } from './digest.ts'
import { OciError } from './errors.ts'

/** Reference from a manifest to a piece of content: image-spec "Content Descriptors". */
export interface Descriptor {
  readonly mediaType: string
  readonly digest: Digest
  /** Length of the content in bytes. */
  readonly size: number
  readonly artifactType?: string
  readonly annotations?: Readonly<Record<string, string>>
  readonly platform?: unknown
}

/** A JSON object whose members are not checked yet. */
export type JsonObject = Readonly<Record<string, unknown>>

/** True if the value is a JSON object, not an array and not null. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Parses a descriptor found at `where` (for the message) in a document. Errors: `MANIFEST_INVALID` if a member is
 * absent or of the wrong type, or the digest cannot be used.
 */
export function parseDescriptor(value: unknown, where: string): Descriptor {
  if (!isJsonObject(value)) throw invalid(where, 'is not an object')
  const { mediaType, digest, size, artifactType, annotations, platform } = value
  if (typeof mediaType !== 'string' || mediaType === '') throw invalid(where, 'has no mediaType')
  if (typeof digest !== 'string') throw invalid(where, 'has no digest')
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw invalid(where, 'has no size that is a whole number of bytes')
  }
  return {
    mediaType,
    digest: digestAt(digest, where),
    size,
    ...(typeof artifactType === 'string' && artifactType !== '' ? { artifactType } : {}),
    ...(annotations === undefined || annotations === null
      ? {}
      : { annotations: parseAnnotations(annotations, where) }),
    ...(platform === undefined ? {} : { platform }),
  }
}

/** Parses annotations: an object of strings. Errors: `MANIFEST_INVALID`. */
export function parseAnnotations(value: unknown, where: string): Record<string, string> {
  if (!isJsonObject(value)) throw invalid(where, 'has annotations that are not an object')
  for (const text of Object.values(value)) {
    if (typeof text !== 'string') throw invalid(where, 'has an annotation that is not a string')
  }
  return value as Record<string, string>
}

function digestAt(text: string, where: string): Digest {
  try {
    return parseDigest(text)
  } catch (cause) {
    throw new OciError('MANIFEST_INVALID', {
      message: `Manifest invalid: ${where} has a digest that cannot be used`,
      cause,
    })
  }
}

function invalid(where: string, what: string): OciError {
  return new OciError('MANIFEST_INVALID', { message: `Manifest invalid: ${where} ${what}` })
}
