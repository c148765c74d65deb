import type { Digest } from '../oci/digest.ts'
import { hashContent } from '../oci/digest.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import type { Exchange } from './exchange.ts'
import { RegistryError } from './registry-error.ts'

/** Content of a known digest and length that need not be in memory. */
export interface BlobSource {
  readonly digest: Digest
  /** Length in bytes. */
  readonly size: number
  /** The bytes, from the first; called once. */
  open(): AsyncIterable<Uint8Array>
}

/** Options of a push. */
export interface PushBlobOptions {
  /** Send PATCH requests of this many bytes each before an empty PUT; without it, one PUT holds all. */
  readonly chunkBytes?: number
}

/** Target of a push. */
interface PushTarget {
  readonly exchange: Exchange
  /** URL of the registry: a `Location` elsewhere is refused. */
  readonly url: string
  readonly repository: RepositoryName
}

/** Pushes a blob: POST opens a session (end-4a), then PUT (end-6), or PATCH as often as needed (end-5) and PUT. */
export async function pushBlob(
  target: PushTarget,
  content: Uint8Array | BlobSource,
  { chunkBytes }: PushBlobOptions = {},
): Promise<Digest> {
  const source = content instanceof Uint8Array ? toSource(content) : content
  const opened = await call(target, { method: 'POST', target: `/v2/${target.repository}/blobs/uploads/` })
  if (chunkBytes === undefined) {
    const body = content instanceof Uint8Array ? content : source.open()
    await finish(target, { location: opened, digest: source.digest, body, size: source.size })
    return source.digest
  }
  let location = opened
  let offset = 0
  for await (const chunk of inChunks(source.open(), chunkBytes)) {
    const range = `${offset}-${offset + chunk.byteLength - 1}`
    location = await call(target, { method: 'PATCH', target: location, body: chunk, range })
    offset += chunk.byteLength
  }
  await finish(target, { location, digest: source.digest, body: new Uint8Array(), size: 0 })
  return source.digest
}

interface UploadCall {
  readonly method: string
  readonly target: string
  readonly body?: Uint8Array
  readonly range?: string
}

/** Makes a call of an upload that goes on. @returns the location of the next call. */
async function call(target: PushTarget, { method, target: path, body, range }: UploadCall): Promise<string> {
  const response = await target.exchange({
    method,
    target: path,
    scope: pushScope(target),
    headers: {
      ...(range === undefined ? {} : { 'content-range': range, 'content-type': 'application/octet-stream' }),
    },
    ...(body === undefined ? {} : { body }),
    expect: [202],
  })
  await response.body?.cancel()
  return readLocation(response, target.url)
}

interface LastPart {
  readonly location: string
  readonly digest: Digest
  readonly body: Uint8Array | AsyncIterable<Uint8Array>
  readonly size: number
}

async function finish(target: PushTarget, { location, digest, body, size }: LastPart): Promise<void> {
  const url = new URL(location)
  url.searchParams.set('digest', digest)
  const response = await target.exchange({
    method: 'PUT',
    target: url.href,
    scope: pushScope(target),
    headers: { 'content-type': 'application/octet-stream', 'content-length': String(size) },
    body,
    expect: [201],
  })
  await response.body?.cancel()
}

function pushScope({ repository }: PushTarget): string {
  return `repository:${repository}:pull,push`
}

/**
 * `Location` may be relative (RFC 9110, 10.2.2). Further requests carry a token, so it must be on the same registry.
 */
function readLocation(response: Response, registry: string): string {
  const url = URL.parse(response.headers.get('location') ?? '', response.url || registry)
  if (!url || !response.headers.has('location')) {
    throw new RegistryError('REGISTRY_ANSWER_INVALID', 'The answer to an upload has no Location')
  }
  if (url.origin === new URL(registry).origin) return url.href
  throw new RegistryError('REGISTRY_ANSWER_INVALID', `The upload is to go on elsewhere, at ${url.origin}`, {
    remedy: `If that is the same registry, use ${url.origin} as its URL`,
  })
}

function toSource(bytes: Uint8Array): BlobSource {
  return {
    digest: hashContent(bytes),
    size: bytes.byteLength,
    async *open() {
      yield bytes
    },
  }
}

/** Cuts and joins the pieces of a stream to chunks of exactly `size` bytes, the last one perhaps shorter. */
async function* inChunks(stream: AsyncIterable<Uint8Array>, size: number): AsyncIterable<Uint8Array> {
  const chunk = new Uint8Array(size)
  let filled = 0
  for await (const piece of stream) {
    for (let at = 0; at < piece.byteLength; ) {
      const part = piece.subarray(at, at + size - filled)
      chunk.set(part, filled)
      filled += part.byteLength
      at += part.byteLength
      if (filled < size) continue
      yield chunk.slice()
      filled = 0
    }
  }
  if (filled > 0) yield chunk.slice(0, filled)
}
