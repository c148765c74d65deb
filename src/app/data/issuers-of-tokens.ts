import { getCACertificates } from 'node:tls'
import type { FetchDocument } from '../../accounts/workloads/issuer-keys.ts'
import type { Config } from '../../config/config.ts'
import type { Database } from '../../database/database.ts'
import { createGuardedRequest } from '../../outgoing/guarded-request.ts'
import { createTargetGuard } from '../../outgoing/target-networks.ts'
import { readInstanceId } from '../../tokens/instance-id.ts'
import type { TokensSchema } from '../../tokens/schema.ts'

/** Longest time for one document of an issuer, in ms: a log-in waits for two. */
const TIMEOUT_MS = 5_000
/** Largest document, in bytes: the keys of an issuer have some 10 KB. */
const MAX_DOCUMENT_BYTES = 256 * 1024

/** Fetches documents of issuers from public addresses and those that the settings allow. */
export function createDocumentFetch({ outgoingNetworks }: Config): FetchDocument {
  const mayReach = createTargetGuard(outgoingNetworks)
  return async (url, { ca }) => {
    const all = ca === undefined ? undefined : [...getCACertificates('default'), ca].join('\n')
    const request = createGuardedRequest({ mayReach, ca: all })
    const { status, body } = await request({
      url,
      headers: { accept: 'application/json' },
      timeoutMs: TIMEOUT_MS,
      maxAnswerBytes: MAX_DOCUMENT_BYTES,
    })
    if (status !== 200) throw new Error(`${url} was answered with the status ${status}`)
    return JSON.parse(String(body))
  }
}

/**
 * Names of this registry as the audience of ID tokens: its host names by the settings, and the `service` of its challenge.
 * That of a request is none of them, for its sender chooses it.
 */
export function listAudiences(
  { publicUrl, frontDoor }: Config,
  database: Database<TokensSchema>,
): () => Promise<readonly string[]> {
  const hosts = [...(publicUrl === undefined ? [] : [new URL(publicUrl).host]), ...(frontDoor?.domains ?? [])]
  return async () => {
    const service = `berth-${await readInstanceId(database)}`
    return [...new Set(hosts.flatMap((host) => [host, `https://${host}`])), service]
  }
}
