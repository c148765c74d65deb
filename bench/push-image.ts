import { createHash, randomBytes, randomFillSync } from 'node:crypto'
import { type KeptConnections, requestOk } from './registry-request.ts'
import type { BenchServer } from './servers/bench-server.ts'

/** Media type of the manifests that are measured. */
export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json'

/** Pieces of generated content, in bytes. */
const CHUNK_BYTES = 256 * 1024
/** Bytes of each piece that are random anew; the rest is random once per run, and shared. */
const FRESH_BYTES = 32

/** Target of a push. */
export interface Target {
  readonly server: BenchServer
  readonly repository: string
  readonly agent?: KeptConnections
}

/** Opens an upload session; returns its URL. */
export async function openUpload(
  { server, repository, agent }: Target,
  authorization?: string,
): Promise<URL> {
  const { headers } = await requestOk(`${server.url}/v2/${repository}/blobs/uploads/`, {
    method: 'POST',
    headers: header(authorization),
    ...(agent && { agent }),
  })
  return resolveLocation(server, headers.location)
}

/** Reads a `Location`, which may be relative, or name a server behind the requested one. */
export function resolveLocation(server: BenchServer, location: string | undefined): URL {
  if (location === undefined) throw new Error(`${server.name} answered no Location`)
  const { pathname, search } = new URL(location, server.url)
  return new URL(pathname + search, server.url)
}

/** The URL that ends an upload session. */
export function closingUrl(upload: URL, digest: string): string {
  const url = new URL(upload)
  url.searchParams.set('digest', digest)
  return url.href
}

/** Pushes so many bytes that no other push has, as Docker does: POST, one PATCH in chunks, PUT. */
export async function pushGenerated(target: Target, bytes: number): Promise<string> {
  const authorization = await target.server.authorize(target.repository)
  const upload = await openUpload(target, authorization)
  const hash = createHash('sha256')
  const { headers } = await requestOk(upload.href, {
    method: 'PATCH',
    headers: { ...header(authorization), 'content-type': 'application/octet-stream' },
    body: generate(bytes, (chunk) => hash.update(chunk)),
    ...(target.agent && { agent: target.agent }),
  })
  const digest = `sha256:${hash.digest('hex')}`
  await requestOk(closingUrl(resolveLocation(target.server, headers.location), digest), {
    method: 'PUT',
    headers: header(authorization),
  })
  return digest
}

/** Pushes a small image, all of it random, and returns its manifest. */
export async function pushImage(target: Target): Promise<Buffer> {
  const config = await pushBytes(target, randomBytes(1_500))
  const layers = [await pushBytes(target, randomBytes(4_096)), await pushBytes(target, randomBytes(4_096))]
  const type = 'application/vnd.oci.image'
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      config: { mediaType: `${type}.config.v1+json`, ...config },
      layers: layers.map((layer) => ({ mediaType: `${type}.layer.v1.tar`, ...layer })),
    }),
  )
}

/** Puts a manifest under a tag. */
export async function putManifest(
  { server, repository, agent }: Target,
  { tag, manifest, authorization }: { tag: string; manifest: Buffer; authorization: string | undefined },
): Promise<void> {
  await requestOk(`${server.url}/v2/${repository}/manifests/${tag}`, {
    method: 'PUT',
    headers: { ...header(authorization), 'content-type': MANIFEST_TYPE },
    body: manifest,
    ...(agent && { agent }),
  })
}

/** The headers with an authorization, if there is one. */
export function header(authorization: string | undefined): { authorization?: string } {
  return authorization === undefined ? {} : { authorization }
}

async function pushBytes(target: Target, bytes: Buffer): Promise<{ digest: string; size: number }> {
  const authorization = await target.server.authorize(target.repository)
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
  const upload = await openUpload(target, authorization)
  await requestOk(closingUrl(upload, digest), {
    method: 'PUT',
    headers: { ...header(authorization), 'content-type': 'application/octet-stream' },
    body: bytes,
  })
  return { digest, size: bytes.length }
}

async function* generate(bytes: number, onChunk: (chunk: Buffer) => void): AsyncGenerator<Buffer> {
  const base = randomBytes(CHUNK_BYTES)
  for (let left = bytes; left > 0; left -= CHUNK_BYTES) {
    // A piece of its own: the socket may still hold the one before.
    const chunk = Buffer.from(base.subarray(0, Math.min(left, CHUNK_BYTES)))
    randomFillSync(chunk, 0, Math.min(FRESH_BYTES, chunk.length))
    onChunk(chunk)
    yield chunk
  }
}
