import type { Readable } from 'node:stream'
import { createExchange, type Exchange } from '../../../src/client/exchange.ts'
import { type Credentials, createLogin } from '../../../src/client/login.ts'
import { readBody, readJson } from '../../../src/client/read-body.ts'
import { RegistryError } from '../../../src/client/registry-error.ts'
import { fetchTransport } from '../../../src/client/transport.ts'
import { parseDigest } from '../../../src/oci/digest.ts'
import { OCI_ERRORS, OciError, type OciErrorCode } from '../../../src/oci/errors.ts'
import { MAX_MANIFEST_BYTES } from '../../../src/oci/manifest.ts'
import { parseTag } from '../../../src/oci/reference.ts'
import { parseRepositoryName, type RepositoryName } from '../../../src/oci/repository-name.ts'
import type { PageRequest, UploadId } from '../../../src/oci/request.ts'
import type { DeleteContent } from '../../../src/registry/delete-content.ts'
import type { ListContent } from '../../../src/registry/pull/list-content.ts'
import type { ListReferrers } from '../../../src/registry/pull/list-referrers.ts'
import type { PullContent } from '../../../src/registry/pull/pull-content.ts'
import type { MountBlob } from '../../../src/registry/push/mount-blob.ts'
import type { PushBlob, UploadStatus } from '../../../src/registry/push/push-blob.ts'
import type { PushManifest } from '../../../src/registry/push/push-manifest.ts'
import type { UploadBody } from '../../../src/registry/push/upload-body.ts'
import type { Registry } from '../../../src/registry/registry.ts'

/** The registry at `url`, as a `Registry`: each operation is a request or two. Errors: `OciError` with the codes of its answers. */
export function createRemoteRegistry({ url, ...credentials }: Credentials & { url: string }): Registry {
  const login = createLogin(url, credentials, fetchTransport)
  const exchange = inOciErrors(createExchange(url, { login, transport: fetchTransport }))
  return {
    ...createPull(exchange),
    ...createPushBlobs(exchange),
    ...createMount(exchange),
    ...createPushManifests(exchange),
    ...createDelete(exchange),
    ...createLists(exchange),
    check: () => drop(exchange({ method: 'GET', target: '/v2/', expect: [200] })),
  }
}

function createPull(exchange: Exchange): PullContent {
  return {
    async statBlob(repository, digest) {
      const target = `/v2/${repository}/blobs/${digest}`
      const response = await exchange({
        method: 'HEAD',
        target,
        scope: formatScope(repository, 'pull'),
        expect: [200, 404],
      })
      // An answer to HEAD has no body that could hold a code.
      if (response.status === 404) throw new OciError('BLOB_UNKNOWN', { detail: { digest } })
      return { size: Number(response.headers.get('content-length')) }
    },
    async sendBlob({ repository, digest }, ranges, sink) {
      for (const { start, end } of ranges) {
        const response = await exchange({
          method: 'GET',
          target: `/v2/${repository}/blobs/${digest}`,
          scope: formatScope(repository, 'pull'),
          headers: { range: `bytes=${start}-${end - 1}` },
          expect: [206],
        })
        for await (const chunk of response.body ?? []) await sink(Buffer.from(chunk))
      }
    },
    async getManifest(repository, reference) {
      const response = await exchange({
        method: 'GET',
        target: `/v2/${repository}/manifests/${reference}`,
        scope: formatScope(repository, 'pull'),
        expect: [200],
      })
      const bytes = await readBody(response, MAX_MANIFEST_BYTES)
      const digest = parseDigest(response.headers.get('docker-content-digest') ?? '')
      return {
        digest,
        mediaType: response.headers.get('content-type') ?? '',
        size: bytes.length,
        bytes,
      }
    },
  }
}

function createPushBlobs(exchange: Exchange): PushBlob {
  const sessionAt = (repository: RepositoryName, id: UploadId) => `/v2/${repository}/blobs/uploads/${id}`
  const send = (repository: RepositoryName, call: Omit<Parameters<Exchange>[0], 'scope'>) =>
    exchange({ ...call, scope: formatScope(repository, 'pull,push') })
  return {
    async startUpload({ repository, algorithm }) {
      const query = algorithm === undefined ? '' : `?digest-algorithm=${algorithm}`
      const target = `/v2/${repository}/blobs/uploads/${query}`
      return await statusIn(await send(repository, { method: 'POST', target, expect: [202] }), repository)
    },
    async getUploadStatus({ repository, id }) {
      const call = { method: 'GET', target: sessionAt(repository, id), expect: [204] }
      return await statusIn(await send(repository, call), repository)
    },
    async appendUpload({ repository, id }, body) {
      const call = { method: 'PATCH', target: sessionAt(repository, id), ...sent(body), expect: [202] }
      return await statusIn(await send(repository, call), repository)
    },
    async finishUpload({ repository, id }, digest, body) {
      const target = `${sessionAt(repository, id)}?digest=${digest}`
      await drop(send(repository, { method: 'PUT', target, ...sent(body), expect: [201] }))
    },
    async pushWholeBlob({ repository, digest }, body) {
      const target = `/v2/${repository}/blobs/uploads/?digest=${digest}`
      await drop(send(repository, { method: 'POST', target, ...sent(body), expect: [201] }))
    },
    async cancelUpload({ repository, id }) {
      await drop(send(repository, { method: 'DELETE', target: sessionAt(repository, id), expect: [204] }))
    },
  }
}

function createMount(exchange: Exchange): MountBlob {
  return {
    async mountBlob({ repository, digest, from }) {
      if (from === undefined) return false
      const response = await exchange({
        method: 'POST',
        target: `/v2/${repository}/blobs/uploads/?mount=${digest}&from=${from}`,
        scope: `${formatScope(repository, 'pull,push')} ${formatScope(from, 'pull')}`,
        expect: [201, 202],
      })
      await response.body?.cancel()
      // A mount that missed has opened a session, which stays until it is removed as abandoned.
      return response.status === 201
    },
  }
}

function createPushManifests(exchange: Exchange): PushManifest {
  return {
    async pushManifest({ repository, reference, tags, contentType, bytes }) {
      const query = new URLSearchParams(tags.map((tag) => ['tag', tag]))
      const response = await exchange({
        method: 'PUT',
        target: `/v2/${repository}/manifests/${reference}?${query}`,
        scope: formatScope(repository, 'pull,push'),
        headers: contentType === undefined ? {} : { 'content-type': contentType },
        body: bytes,
        expect: [201],
      })
      await response.body?.cancel()
      const subject = response.headers.get('oci-subject')
      return {
        digest: parseDigest(response.headers.get('docker-content-digest') ?? ''),
        subject: subject === null ? undefined : parseDigest(subject),
      }
    },
  }
}

function createDelete(exchange: Exchange): DeleteContent {
  const remove = (repository: RepositoryName, target: string) =>
    drop(exchange({ method: 'DELETE', target, scope: formatScope(repository, 'delete'), expect: [202] }))
  return {
    deleteBlob: (repository, digest) => remove(repository, `/v2/${repository}/blobs/${digest}`),
    deleteManifest: (repository, reference) => remove(repository, `/v2/${repository}/manifests/${reference}`),
  }
}

function createLists(exchange: Exchange): ListContent & ListReferrers {
  const list = async (path: string, { page, scope }: { page: PageRequest; scope: string }) => {
    const query = new URLSearchParams({
      ...(page.n === undefined ? {} : { n: String(page.n) }),
      ...(page.last === undefined ? {} : { last: page.last }),
    })
    const target = `${path}${path.includes('?') ? '&' : '?'}${query}`
    const response = await exchange({ method: 'GET', target, scope, expect: [200] })
    const link = /<([^>]*)>/.exec(response.headers.get('link') ?? '')?.[1]
    const next =
      link === undefined ? undefined : (new URL(link, 'http://x').searchParams.get('last') ?? undefined)
    return { body: await readJson(response, MAX_MANIFEST_BYTES), next }
  }
  const toEntries = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
  return {
    async listTags(repository, page) {
      const path = `/v2/${repository}/tags/list`
      const { body, next } = await list(path, { page, scope: formatScope(repository, 'pull') })
      return { entries: toEntries(body.tags).map((tag) => parseTag(String(tag))), next }
    },
    async listRepositories(_visible, page) {
      const { body, next } = await list('/v2/_catalog', { page, scope: 'registry:catalog:*' })
      return { entries: toEntries(body.repositories).map((name) => parseRepositoryName(String(name))), next }
    },
    async listReferrers({ repository, digest, artifactType, page }) {
      const filter = artifactType === undefined ? '' : `?${new URLSearchParams({ artifactType })}`
      const path = `/v2/${repository}/referrers/${digest}${filter}`
      const { body, next } = await list(path, { page, scope: formatScope(repository, 'pull') })
      return { entries: toEntries(body.manifests).map((entry) => JSON.stringify(entry)), next }
    },
  }
}

/** Answers of the other registry with the codes of this one. */
function inOciErrors(exchange: Exchange): Exchange {
  return async (call) => {
    try {
      return await exchange(call)
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error
      const { wireCode, message } = error
      const code =
        wireCode !== undefined && wireCode in OCI_ERRORS ? (wireCode as OciErrorCode) : 'UNAVAILABLE'
      throw new OciError(code, { message, cause: error })
    }
  }
}

function sent({ source, range, length }: UploadBody): {
  headers: Record<string, string>
  body: AsyncIterable<Uint8Array>
} {
  return {
    headers: {
      'content-type': 'application/octet-stream',
      ...(length === undefined ? {} : { 'content-length': String(length) }),
      ...(range === undefined ? {} : { 'content-range': `${range.start}-${range.end - 1}` }),
    },
    body: source satisfies Readable,
  }
}

/** The id is the last part of the `Location`; `Range` is `0-0` for one byte and for none. */
async function statusIn(response: Response, repository: RepositoryName): Promise<UploadStatus> {
  await response.body?.cancel()
  const id = (response.headers.get('docker-upload-uuid') ?? '') as UploadId
  const last = Number(response.headers.get('range')?.split('-')[1] ?? 0)
  return { id, repository, offset: last === 0 ? 0 : last + 1 }
}

function formatScope(repository: RepositoryName, actions: 'pull' | 'pull,push' | 'delete'): string {
  return `repository:${repository}:${actions}`
}

async function drop(pending: Promise<Response>): Promise<void> {
  await (await pending).body?.cancel()
}
