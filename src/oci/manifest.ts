import {
  type Descriptor,
  isJsonObject,
  type JsonObject,
  parseAnnotations,
  parseDescriptor,
} from './descriptor.ts'
import { OciError } from './errors.ts'
import { parseStrictJson } from './json.ts'
import { findManifestKind, type ManifestKind, MEDIA_TYPES, parseEssence } from './media-type.ts'

/** Largest manifest, in bytes: distribution-spec requires at least 4 MiB, and clients read no more. */
export const MAX_MANIFEST_BYTES: number = 4 * 1024 * 1024

/** Facts that a registry needs from a manifest; its bytes are kept beside them and never made anew from them. */
export interface Manifest {
  readonly kind: ManifestKind
  readonly mediaType: string
  /** For the referrers list: the document's own, else an image's config media type; undefined for an index without. */
  readonly artifactType: string | undefined
  readonly config: Descriptor | undefined
  /** Layers, or the `blobs` of the withdrawn artifact manifest. */
  readonly layers: readonly Descriptor[]
  /** Content listed by an index: manifests, or blobs of other types. */
  readonly children: readonly Descriptor[]
  readonly subject: Descriptor | undefined
  /** JSON text of its own annotations, for the referrers list. */
  readonly annotationsJson: string | undefined
}

/**
 * Reads the facts of a manifest from its bytes.
 *
 * `contentType` is the client's header, parameters ignored; it must equal the document's own `mediaType` if there is
 * one. A document with the members of both an image and an index is refused (GHSA-qq97-vm5h-rrhg). Errors:
 * `MANIFEST_INVALID`.
 */
export function parseManifest(bytes: Uint8Array, contentType: string | undefined): Manifest {
  const document = parseStrictJson(bytes)
  if (!isJsonObject(document)) throw invalid('it is not a JSON object')
  if (document.schemaVersion !== 2 && document.mediaType !== MEDIA_TYPES.ociArtifact) {
    throw invalid('schemaVersion must be 2')
  }
  const mediaType = readMediaType(document, contentType)
  const kind = findManifestKind(mediaType)
  if (!kind) throw invalid(`the media type "${mediaType.slice(0, 120)}" is no manifest this registry knows`)
  refuseMixture(document, kind)
  return kind === 'index' ? readIndex(document, mediaType) : readImage(document, mediaType)
}

function readMediaType(document: JsonObject, contentType: string | undefined): string {
  const sent = contentType === undefined ? undefined : parseEssence(contentType)
  const own = filled(document.mediaType)
  if (own !== undefined && typeof own !== 'string') throw invalid('mediaType is not a string')
  // curl's default is no statement about the document; simple tools send a generic type.
  const isGeneric = sent === undefined || sent === '' || sent === 'application/json'
  if (isGeneric) {
    if (own === undefined) throw invalid('neither Content-Type nor mediaType says what it is')
    return own
  }
  if (own !== undefined && own !== sent) {
    throw invalid(`Content-Type "${sent.slice(0, 120)}" and mediaType "${own.slice(0, 120)}" differ`)
  }
  return sent
}

function refuseMixture(document: JsonObject, kind: ManifestKind): void {
  const foreign = kind === 'index' ? ['config', 'layers', 'blobs'] : ['manifests']
  const found = foreign.find((member) => document[member] !== undefined)
  if (found) throw invalid(`it is an ${kind} but has the member "${found}"`)
}

function readIndex(document: JsonObject, mediaType: string): Manifest {
  return {
    kind: 'index',
    mediaType,
    artifactType: readArtifactType(document),
    config: undefined,
    layers: [],
    children: descriptorsAt(document, 'manifests', true),
    ...readCommon(document),
  }
}

function readImage(document: JsonObject, mediaType: string): Manifest {
  const isArtifact = mediaType === MEDIA_TYPES.ociArtifact
  const config = isArtifact ? undefined : parseDescriptor(document.config, 'config')
  return {
    kind: 'image',
    mediaType,
    artifactType: readArtifactType(document) ?? refuseNul(config?.mediaType, 'the mediaType of its config'),
    config,
    layers: descriptorsAt(document, isArtifact ? 'blobs' : 'layers', !isArtifact),
    children: [],
    ...readCommon(document),
  }
}

function readCommon(document: JsonObject): Pick<Manifest, 'subject' | 'annotationsJson'> {
  const { subject, annotations } = document
  return {
    subject: subject === undefined || subject === null ? undefined : parseDescriptor(subject, 'subject'),
    annotationsJson:
      annotations === undefined || annotations === null
        ? undefined
        : JSON.stringify(parseAnnotations(annotations, 'it')),
  }
}

function readArtifactType(document: JsonObject): string | undefined {
  const value = filled(document.artifactType)
  if (value !== undefined && typeof value !== 'string') throw invalid('artifactType is not a string')
  return refuseNul(value, 'artifactType')
}

/** No media type has a NUL (RFC 6838 section 4.2), and not every database can hold one. */
function refuseNul(type: string | undefined, what: string): string | undefined {
  if (type?.includes('\0')) throw invalid(`${what} holds a NUL character`)
  return type
}

/** Reads null and empty text as absent, as Go does: programs write them for a value they lack. */
function filled(value: unknown): unknown {
  return value === null || value === '' ? undefined : value
}

function descriptorsAt(document: JsonObject, member: string, isRequired: boolean): Descriptor[] {
  const list = document[member]
  if (!Array.isArray(list)) {
    // Go writes an empty list as null: an image without layers by BuildKit, an index without manifests.
    if (list === null || (list === undefined && !isRequired)) return []
    throw invalid(`"${member}" is not a list`)
  }
  return list.map((entry, index) => parseDescriptor(entry, `${member}[${index}]`))
}

function invalid(why: string): OciError {
  return new OciError('MANIFEST_INVALID', { message: `Manifest invalid: ${why}` })
}
