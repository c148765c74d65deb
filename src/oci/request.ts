import { type Digest, type DigestAlgorithm, parseDigest, parseDigestAlgorithm } from './digest.ts'
import { OciError } from './errors.ts'
import { parseReference, parseTag, type Reference, type Tag } from './reference.ts'
import { isRepositoryName, parseRepositoryName, type RepositoryName } from './repository-name.ts'

/** Longest request target, in bytes: the longest legal one (name, digest, ten tags) stays below 3 KiB. */
const MAX_TARGET_LENGTH = 8192
/** Most tags of one `PUT …/manifests/<digest>?tag=…`: distribution-spec requires at least ten (end-7b). */
const MAX_TAG_PARAMETERS = 64
/** Longest `last` of a page: a tag has 128 characters, a name 255. */
const MAX_LAST_LENGTH = 512
const UPLOAD_ID = /^[A-Za-z0-9_-]{22}$/

/** Identifies an upload session: 128 random bits in base64url. */
export type UploadId = string & { readonly __brand: 'UploadId' }

/** Part of a sorted list. `n` undefined: the registry's own page size. */
export interface PageRequest {
  readonly n: number | undefined
  /** Exclusive lower bound: the last entry of the page before. */
  readonly last: string | undefined
}

/** A request to `/v2/`, parsed; `end-…` are the endpoint numbers of distribution-spec. */
export type OciRequest =
  | { readonly kind: 'ping' } // end-1
  | { readonly kind: 'blob-get'; readonly repository: RepositoryName; readonly digest: Digest } // end-2
  | { readonly kind: 'blob-delete'; readonly repository: RepositoryName; readonly digest: Digest } // end-10
  | { readonly kind: 'manifest-get'; readonly repository: RepositoryName; readonly reference: Reference } // end-3
  | ManifestPutRequest // end-7a, end-7b
  | { readonly kind: 'manifest-delete'; readonly repository: RepositoryName; readonly reference: Reference } // end-9
  | BlobUploadStartRequest // end-4a, end-4b, end-4c, end-11
  | { readonly kind: 'blob-upload-status'; readonly repository: RepositoryName; readonly uploadId: UploadId } // end-13
  | { readonly kind: 'blob-upload-append'; readonly repository: RepositoryName; readonly uploadId: UploadId } // end-5
  | BlobUploadFinishRequest // end-6
  | { readonly kind: 'blob-upload-cancel'; readonly repository: RepositoryName; readonly uploadId: UploadId } // end-14
  | { readonly kind: 'tag-list'; readonly repository: RepositoryName; readonly page: PageRequest } // end-8a, end-8b
  | ReferrerListRequest // end-12a, end-12b
  | { readonly kind: 'catalog'; readonly page: PageRequest }

/** end-7a and end-7b: a manifest under a reference, and further tags for it. */
interface ManifestPutRequest {
  readonly kind: 'manifest-put'
  readonly repository: RepositoryName
  readonly reference: Reference
  readonly tags: readonly Tag[]
}

/** end-4a, 4b, 4c and 11: a session, the whole blob at once, or a mount. */
interface BlobUploadStartRequest {
  readonly kind: 'blob-upload-start'
  readonly repository: RepositoryName
  /** The body is the whole blob. */
  readonly digest: Digest | undefined
  readonly mount: Digest | undefined
  readonly from: RepositoryName | undefined
  readonly algorithm: DigestAlgorithm | undefined
}

/** end-6: the session becomes a blob. */
interface BlobUploadFinishRequest {
  readonly kind: 'blob-upload-finish'
  readonly repository: RepositoryName
  readonly uploadId: UploadId
  readonly digest: Digest
}

/** end-12a and 12b. */
interface ReferrerListRequest {
  readonly kind: 'referrer-list'
  readonly repository: RepositoryName
  readonly digest: Digest
  readonly artifactType: string | undefined
  readonly page: PageRequest
}

/** Kind of a request: resource and act. */
export type OciRequestKind = OciRequest['kind']

type Reader = (name: string, last: string, query: URLSearchParams) => OciRequest

/** Resource -> method -> reader of the request. HEAD is GET without the body, decided where the answer is written. */
const RESOURCES: Record<string, Readonly<Record<string, Reader>>> = {
  manifest: { GET: readManifestGet, PUT: readManifestPut, DELETE: readManifestDelete },
  blob: { GET: readBlobGet, DELETE: readBlobDelete },
  uploads: { POST: readUploadStart },
  upload: { GET: readUploadStatus, PATCH: readUploadAppend, PUT: readUploadFinish, DELETE: readUploadCancel },
  tags: { GET: readTagList },
  referrers: { GET: readReferrerList },
  catalog: { GET: (_name, _last, query) => ({ kind: 'catalog', page: readPage(query) }) },
  ping: { GET: () => ({ kind: 'ping' }) },
}

/**
 * Parses the method and the target (path and query as sent) of a request to `/v2/`.
 *
 * The path is read as sent. Percent-encoding is refused but for a colon, and for slashes within the name, which
 * Distribution accepts, too; so are empty and dot segments: authorisation and handler can never read one path in two
 * ways. Names are read from the right, because they may themselves hold `blobs`, `tags` or `manifests`. Errors:
 * `NAME_INVALID`, `DIGEST_INVALID`, `TAG_INVALID`, `PAGINATION_NUMBER_INVALID`, `BLOB_UPLOAD_UNKNOWN`, `NOT_FOUND` for
 * a path that names no resource, `UNSUPPORTED` for a method it does not have.
 */
export function parseOciRequest(method: string, target: string): OciRequest {
  if (target.length > MAX_TARGET_LENGTH) {
    throw new OciError('REQUEST_INVALID', { message: 'The request target is too long', status: 414 })
  }
  const question = target.indexOf('?')
  const path = canonicalPath(question < 0 ? target : target.slice(0, question))
  const query = new URLSearchParams(question < 0 ? '' : target.slice(question + 1))
  const located = locate(path)
  const { resource, last } = located
  if (last.includes('%')) throw notCanonical()
  // Decoded once, before the grammar: the name that is authorised is the name that is served.
  const name = located.name.replace(ESCAPED_SLASH, '/')
  const readers = RESOURCES[resource] ?? {}
  const readMethod = method === 'HEAD' ? 'GET' : method
  const read = Object.hasOwn(readers, readMethod) ? readers[readMethod] : undefined
  if (!read) {
    throw new OciError('UNSUPPORTED', {
      message: `The method is not supported here: use one of ${listMethods(readers).join(', ')}`,
      detail: { allow: listMethods(readers) },
    })
  }
  return read(name, last, query)
}

function listMethods(readers: Readonly<Record<string, Reader>>): string[] {
  return Object.keys(readers).flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
}

/** Decodes colons. Slashes within a segment stay escaped: only unescaped ones bound the name. */
function canonicalPath(raw: string): string {
  const path = raw.includes('%') ? raw.replace(/%3a/gi, ':') : raw
  const rest = path.includes('%') ? path.replace(ESCAPED_SLASH, '') : path
  if (rest.includes('%') || path.includes('\\') || path.includes('//') || /\/\.{1,2}(?:\/|$)/.test(path)) {
    throw notCanonical()
  }
  return path
}

const ESCAPED_SLASH = /%2f/gi

function notCanonical(): OciError {
  return new OciError('NAME_INVALID', {
    message:
      'The path is not in its canonical form: send it without %-escapes (but %2F in the name), empty and dot segments',
  })
}

interface Located {
  readonly resource: string
  readonly name: string
  readonly last: string
}

/** Finds the resource of a path, reading from the right. */
function locate(path: string): Located {
  if (path === '/v2/' || path === '/v2') return { resource: 'ping', name: '', last: '' }
  if (path === '/v2/_catalog') return { resource: 'catalog', name: '', last: '' }
  if (!path.startsWith('/v2/')) throw new OciError('NOT_FOUND')
  const lastSlash = path.lastIndexOf('/')
  const last = path.slice(lastSlash + 1)
  const head = path.slice(4, lastSlash)
  if (last === 'list' && head.endsWith('/tags')) return { resource: 'tags', name: head.slice(0, -5), last }
  if (head.endsWith('/manifests')) return { resource: 'manifest', name: head.slice(0, -10), last }
  if (head.endsWith('/referrers')) return { resource: 'referrers', name: head.slice(0, -10), last }
  if (head.endsWith('/blobs/uploads')) {
    return { resource: last === '' ? 'uploads' : 'upload', name: head.slice(0, -14), last }
  }
  if (head.endsWith('/blobs')) {
    return { resource: last === 'uploads' ? 'uploads' : 'blob', name: head.slice(0, -6), last }
  }
  throw new OciError('NOT_FOUND')
}

function readManifestGet(name: string, last: string): OciRequest {
  return { kind: 'manifest-get', repository: parseRepositoryName(name), reference: parseReference(last) }
}

function readManifestPut(name: string, last: string, query: URLSearchParams): OciRequest {
  const repository = parseRepositoryName(name)
  const reference = parseReference(last)
  const tags = [...new Set(query.getAll('tag'))]
  if (tags.length > MAX_TAG_PARAMETERS) {
    throw new OciError('REQUEST_INVALID', {
      message: `Too many tag parameters: at most ${MAX_TAG_PARAMETERS} are allowed in one request`,
      status: 414,
    })
  }
  return { kind: 'manifest-put', repository, reference, tags: tags.map(parseTag) }
}

function readManifestDelete(name: string, last: string): OciRequest {
  return { kind: 'manifest-delete', repository: parseRepositoryName(name), reference: parseReference(last) }
}

function readBlobGet(name: string, last: string): OciRequest {
  return { kind: 'blob-get', repository: parseRepositoryName(name), digest: parseDigest(last) }
}

function readBlobDelete(name: string, last: string): OciRequest {
  return { kind: 'blob-delete', repository: parseRepositoryName(name), digest: parseDigest(last) }
}

function readUploadStart(name: string, _last: string, query: URLSearchParams): OciRequest {
  const digest = filledIn(query, 'digest')
  const mount = filledIn(query, 'mount')
  const from = filledIn(query, 'from')
  const algorithm = filledIn(query, 'digest-algorithm')
  return {
    kind: 'blob-upload-start',
    repository: parseRepositoryName(name),
    digest: digest === undefined ? undefined : parseDigest(digest),
    mount: mount === undefined ? undefined : parseDigest(mount),
    // An impossible source counts as a mount without success, which opens a session (end-11).
    from: from !== undefined && isRepositoryName(from) ? from : undefined,
    algorithm: algorithm === undefined ? undefined : parseDigestAlgorithm(algorithm),
  }
}

function readUploadStatus(name: string, last: string): OciRequest {
  return { kind: 'blob-upload-status', repository: parseRepositoryName(name), uploadId: parseUploadId(last) }
}

function readUploadAppend(name: string, last: string): OciRequest {
  return { kind: 'blob-upload-append', repository: parseRepositoryName(name), uploadId: parseUploadId(last) }
}

function readUploadFinish(name: string, last: string, query: URLSearchParams): OciRequest {
  const repository = parseRepositoryName(name)
  const digest = query.get('digest')
  if (digest === null) {
    throw new OciError('DIGEST_INVALID', {
      message: 'The digest is missing: end the upload with ?digest=<digest>',
    })
  }
  return {
    kind: 'blob-upload-finish',
    repository,
    uploadId: parseUploadId(last),
    digest: parseDigest(digest),
  }
}

function readUploadCancel(name: string, last: string): OciRequest {
  return { kind: 'blob-upload-cancel', repository: parseRepositoryName(name), uploadId: parseUploadId(last) }
}

function readTagList(name: string, _last: string, query: URLSearchParams): OciRequest {
  return { kind: 'tag-list', repository: parseRepositoryName(name), page: readPage(query) }
}

function readReferrerList(name: string, last: string, query: URLSearchParams): OciRequest {
  return {
    kind: 'referrer-list',
    repository: parseRepositoryName(name),
    digest: parseDigest(last),
    artifactType: mediaTypeIn(query, 'artifactType')?.slice(0, 255),
    page: readPage(query),
  }
}

/** Reads `n` and `last`. A large `n` is no error: the registry's own page bound cuts it (CVE-2023-2253). */
function readPage(query: URLSearchParams): PageRequest {
  const n = query.get('n')
  const last = query.get('last') ?? undefined
  if (n !== null && !/^\d{1,30}$/.test(n)) {
    throw new OciError('PAGINATION_NUMBER_INVALID', {
      message: 'The number of results "n" must be a whole number of 0 or more',
      detail: { n: n.slice(0, 40) },
    })
  }
  return { n: n === null ? undefined : Number(n), last: last?.slice(0, MAX_LAST_LENGTH) }
}

/** The value of a parameter. An empty one counts as absent: programs write it for a value they lack. */
function filledIn(query: URLSearchParams, name: string): string | undefined {
  return query.get(name) || undefined
}

/** A media type: clients write its `+` as it is, which a form reads as a space, and no media type holds a space. */
function mediaTypeIn(query: URLSearchParams, name: string): string | undefined {
  return filledIn(query, name)?.replaceAll(' ', '+')
}

function parseUploadId(text: string): UploadId {
  if (UPLOAD_ID.test(text)) return text as UploadId
  throw new OciError('BLOB_UPLOAD_UNKNOWN')
}
