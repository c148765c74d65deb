import { rm } from 'node:fs/promises'
import { join } from 'node:path'

/** A server under measurement, in processes of its own. */
export interface BenchServer extends AsyncDisposable {
  /** Name in tables. */
  readonly name: string
  /** Scheme, address and port, without a trailing slash. */
  readonly url: string
  /** Ids of the processes whose trees are the server. */
  readonly roots: readonly number[]
  /** Holds `docker/registry/v2`; undefined for a server that only reads files. */
  readonly registryRoot: string | undefined
  /** Path of a blob below the URL. */
  blobPath(repository: string, digest: string): string
  /** The `Authorization` header for pushes and pulls of the repository; undefined if none is needed. */
  authorize(repository: string): Promise<string | undefined>
  /** Ends it and waits. */
  stop(): Promise<void>
}

/** An account of the password file that servers are given, with the cost of its bcrypt hash. */
export interface BasicAccount {
  readonly name: string
  readonly password: string
  readonly cost: number
}

/** The header that logs an account in by Basic. */
export function basicHeader({ name, password }: { name: string; password: string }): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`
}

/** Path of a blob at a registry. */
export function registryBlobPath(repository: string, digest: string): string {
  return `/v2/${repository}/blobs/${digest}`
}

/** Folder of a blob below a registry's root: Distribution's layout, which Berth shares. */
function blobFolder(registryRoot: string, digest: string): string {
  const [algorithm = '', hex = ''] = digest.split(':')
  return join(registryRoot, 'docker/registry/v2/blobs', algorithm, hex.slice(0, 2), hex)
}

/**
 * Frees the disk of a blob behind the server's back, the same way for all. Its facts stay, which is harmless: no push
 * of a run has the same bytes as another.
 */
export async function removeBlobBytes(server: BenchServer, digest: string): Promise<void> {
  if (server.registryRoot === undefined) return
  await rm(blobFolder(server.registryRoot, digest), { recursive: true, force: true })
}
