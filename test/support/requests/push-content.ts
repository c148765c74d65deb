import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import type { RawClient } from './raw-request.ts'

const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'

/** The OCI digest of bytes, by SHA-256. */
export function hashSha256(bytes: Uint8Array): string {
  return `sha256:${hash('sha256', bytes)}`
}

/** Pushes a blob in one request. @returns its digest. */
export async function pushBlob(http: RawClient, repository: string, bytes: Uint8Array): Promise<string> {
  const digest = hashSha256(bytes)
  const { status, body } = await http.send('POST', `/v2/${repository}/blobs/uploads/?digest=${digest}`, {
    body: bytes,
  })
  assert.equal(status, 201, String(body))
  return digest
}

/** An image manifest that names these blobs, the first as its config. */
export function formatManifest(blobs: readonly Uint8Array[], note = ''): Buffer {
  const [config, ...layers] = blobs.map((bytes) => ({
    mediaType: 'application/octet-stream',
    digest: hashSha256(bytes),
    size: bytes.length,
  }))
  const annotations = { note }
  return Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers, annotations }),
  )
}

/** Pushes a manifest. @returns the status. */
export async function putManifest(
  http: RawClient,
  target: { repository: string; reference: string },
  bytes: Uint8Array,
): Promise<number> {
  const { status } = await http.send('PUT', `/v2/${target.repository}/manifests/${target.reference}`, {
    body: bytes,
    headers: { 'content-type': OCI_MANIFEST },
  })
  return status
}

/** Opens an upload session. @returns its address. */
export async function openSession(http: RawClient, repository: string): Promise<string> {
  const { status, headers } = await http.send('POST', `/v2/${repository}/blobs/uploads/`)
  assert.equal(status, 202)
  return String(headers.location)
}

/**
 * The offset of a session; undefined if it is gone. A session of one byte cannot be distinguished from an empty one.
 */
export async function readOffset(http: RawClient, location: string): Promise<number | undefined> {
  const { status, headers } = await http.send('GET', location)
  if (status === 404) return undefined
  assert.equal(status, 204)
  const last = Number(String(headers.range).split('-')[1])
  return last === 0 ? 0 : last + 1
}
