import { createHash } from 'node:crypto'
import { type Descriptor, isJsonObject, parseDescriptor } from '../oci/descriptor.ts'
import { algorithmOf, type Digest, hashContent, hexOf, parseDigest } from '../oci/digest.ts'
import { MAX_MANIFEST_BYTES } from '../oci/manifest.ts'
import { MEDIA_TYPES } from '../oci/media-type.ts'
import type { Reference, Tag } from '../oci/reference.ts'
import { parseTag } from '../oci/reference.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import { createExchange, type Exchange, joinSignals } from './exchange.ts'
import { followRedirects, REDIRECTS, type Redirection } from './follow-redirects.ts'
import { type Credentials, createLogin } from './login.ts'
import { type BlobSource, type PushBlobOptions, pushBlob } from './push-blob.ts'
import { readBody, readJson } from './read-body.ts'
import { RegistryError } from './registry-error.ts'
import { createCaTransport, createStorageTransport, fetchTransport } from './transport.ts'

/** Registry and credentials. */
interface RegistryClientOptions extends Partial<Credentials> {
  /** Scheme, host and port, such as `https://registry.example.com`. */
  readonly url: string
  /** Certificates to trust in place of the system's authorities, PEM. */
  readonly ca?: string
  readonly signal?: AbortSignal
  /** True: the password may go to the server that the registry names for log-ins, over TLS, as other clients do; by default only to the registry's own host. */
  readonly trustsRealm?: boolean
}

/** A manifest as the registry answered it. */
interface PulledManifest {
  readonly digest: Digest
  readonly mediaType: string
  readonly bytes: Buffer
}

/** A registry over HTTP. Errors of each: `RegistryError`. */
export interface RegistryClient {
  /** Logs in and checks that this is a registry. */
  ping(): Promise<void>
  /** Length in bytes; undefined if the repository does not have the blob. */
  headBlob(repository: RepositoryName, digest: Digest): Promise<number | undefined>
  /** Pushes a blob by POST and PUT, or in chunks. Its content is read once. */
  pushBlob(
    repository: RepositoryName,
    content: Uint8Array | BlobSource,
    options?: PushBlobOptions,
  ): Promise<Digest>
  /** The bytes of a blob, also where the registry redirects to its storage. Throws `REGISTRY_CONTENT_WRONG` at the end if they do not have the digest. */
  pullBlob(repository: RepositoryName, digest: Digest, signal?: AbortSignal): AsyncIterable<Uint8Array>
  deleteBlob(repository: RepositoryName, digest: Digest): Promise<void>
  putManifest(repository: RepositoryName, reference: Reference, manifest: ManifestBytes): Promise<Digest>
  /** A manifest, checked against its digest. */
  getManifest(repository: RepositoryName, reference: Reference, signal?: AbortSignal): Promise<PulledManifest>
  deleteManifest(repository: RepositoryName, digest: Digest): Promise<void>
  deleteTag(repository: RepositoryName, tag: Tag): Promise<void>
  /** One page; `n` at most the registry's own bound, `last` exclusive. */
  listTags(repository: RepositoryName, page?: { n?: number; last?: string }): Promise<Tag[]>
  /** The first page. */
  listReferrers(repository: RepositoryName, digest: Digest, artifactType?: string): Promise<Descriptor[]>
}

/** A manifest to push: its bytes, and their type. */
interface ManifestBytes {
  readonly mediaType: string
  readonly bytes: Uint8Array
}

const ACCEPT = Object.values(MEDIA_TYPES).join(', ')

/**
 * A client of the registry at `url`, which logs in when the registry demands it. It holds no resource that must be
 * closed.
 */
export function createRegistryClient(options: RegistryClientOptions): RegistryClient {
  const { username, password = '', ca, signal } = options
  const url = options.url.replace(/\/+$/, '')
  const transport = ca === undefined ? fetchTransport : createCaTransport(ca)
  const toStorage = ca === undefined ? fetchTransport : createStorageTransport(ca)
  const credentials = username === undefined ? undefined : { username, password }
  const login = createLogin(url, credentials, transport, { trustsRealm: options.trustsRealm })
  const exchange = createExchange(url, { login, transport, signal })
  return {
    ping: () => discard(exchange({ method: 'GET', target: '/v2/', expect: [200] })),
    pushBlob: (repository, content, how) => pushBlob({ exchange, url, repository }, content, how),
    ...blobCalls(exchange, { url, transport: toStorage, signal }),
    ...manifestCalls(exchange),
    ...listCalls(exchange),
  }
}

function blobCalls(
  exchange: Exchange,
  redirection: Redirection,
): Pick<RegistryClient, 'headBlob' | 'pullBlob' | 'deleteBlob'> {
  const target = (repository: string, digest: string) => `/v2/${repository}/blobs/${digest}`
  return {
    async headBlob(repository, digest) {
      const scope = formatScope(repository, 'pull')
      const call = { method: 'HEAD', target: target(repository, digest), scope, expect: [200, 404] }
      const response = await exchange(call)
      return response.status === 404 ? undefined : Number(response.headers.get('content-length'))
    },
    async *pullBlob(repository, digest, signal) {
      const scope = formatScope(repository, 'pull')
      const expect = [200, ...REDIRECTS]
      const answer = await exchange({
        method: 'GET',
        target: target(repository, digest),
        scope,
        expect,
        ...(signal && { signal }),
      })
      const response = await followRedirects(answer, {
        ...redirection,
        signal: joinSignals(redirection.signal, signal),
      })
      const hash = createHash(algorithmOf(digest))
      for await (const chunk of response.body ?? []) {
        hash.update(chunk)
        yield chunk
      }
      if (hash.digest('hex') !== hexOf(digest)) throw wrongContent(digest)
    },
    async deleteBlob(repository, digest) {
      const scope = formatScope(repository, 'delete')
      await discard(exchange({ method: 'DELETE', target: target(repository, digest), scope, expect: [202] }))
    },
  }
}

type ManifestCalls = Pick<RegistryClient, 'putManifest' | 'getManifest' | 'deleteManifest' | 'deleteTag'>

function manifestCalls(exchange: Exchange): ManifestCalls {
  const target = (repository: string, reference: string) => `/v2/${repository}/manifests/${reference}`
  const remove = async (repository: string, reference: string) => {
    const scope = formatScope(repository, 'delete')
    await discard(exchange({ method: 'DELETE', target: target(repository, reference), scope, expect: [202] }))
  }
  return {
    async putManifest(repository, reference, { mediaType, bytes }) {
      const response = await exchange({
        method: 'PUT',
        target: target(repository, reference),
        scope: formatScope(repository, 'pull,push'),
        headers: { 'content-type': mediaType },
        body: bytes,
        expect: [201],
      })
      await response.body?.cancel()
      return digestHeader(response) ?? hashContent(bytes)
    },
    async getManifest(repository, reference, signal) {
      const response = await exchange({
        method: 'GET',
        target: target(repository, reference),
        scope: formatScope(repository, 'pull'),
        headers: { accept: ACCEPT },
        expect: [200],
        ...(signal && { signal }),
      })
      const bytes = await readBody(response, MAX_MANIFEST_BYTES)
      const digest = reference.includes(':') ? parseDigest(reference) : digestHeader(response)
      if (digest !== undefined && hashContent(bytes, algorithmOf(digest)) !== digest)
        throw wrongContent(digest)
      const mediaType = response.headers.get('content-type') ?? ''
      return { digest: digest ?? hashContent(bytes), mediaType, bytes }
    },
    deleteManifest: remove,
    deleteTag: remove,
  }
}

function listCalls(exchange: Exchange): Pick<RegistryClient, 'listTags' | 'listReferrers'> {
  return {
    async listTags(repository, { n, last } = {}) {
      const query = new URLSearchParams({
        ...(n === undefined ? {} : { n: String(n) }),
        ...(last === undefined ? {} : { last }),
      })
      const target = `/v2/${repository}/tags/list?${query}`
      const response = await exchange({
        method: 'GET',
        target,
        scope: formatScope(repository, 'pull'),
        expect: [200],
      })
      const { tags } = await readJson(response, MAX_MANIFEST_BYTES)
      return readList(tags, 'tags').map((tag) => parseTag(String(tag)))
    },
    async listReferrers(repository, digest, artifactType) {
      const query = artifactType === undefined ? '' : `?${new URLSearchParams({ artifactType })}`
      const target = `/v2/${repository}/referrers/${digest}${query}`
      const response = await exchange({
        method: 'GET',
        target,
        scope: formatScope(repository, 'pull'),
        expect: [200],
      })
      const { manifests } = await readJson(response, MAX_MANIFEST_BYTES)
      return readList(manifests, 'manifests').map((entry) => parseDescriptor(entry, 'manifests'))
    },
  }
}

/** The scope of a token for one repository. */
function formatScope(repository: string, actions: 'pull' | 'pull,push' | 'delete'): string {
  return `repository:${repository}:${actions}`
}

/** Distribution's older versions answer null for an empty list. */
function readList(value: unknown, member: string): unknown[] {
  if (value === null) return []
  if (Array.isArray(value)) return value.filter((entry) => isJsonObject(entry) || typeof entry === 'string')
  throw new RegistryError('REGISTRY_ANSWER_INVALID', `An answer has no list "${member}"`)
}

function digestHeader(response: Response): Digest | undefined {
  const text = response.headers.get('docker-content-digest')
  return text === null ? undefined : parseDigest(text)
}

function wrongContent(digest: Digest): RegistryError {
  return new RegistryError('REGISTRY_CONTENT_WRONG', `The registry sent other bytes than ${digest}`)
}

async function discard(pending: Promise<Response>): Promise<void> {
  const response = await pending
  await response.body?.cancel()
}
