import type { JsonObject } from '../../oci/descriptor.ts'
import { readJson } from '../read-body.ts'
import { RegistryError } from '../registry-error.ts'
import { createCaTransport, fetchTransport, type Transport } from '../transport.ts'

/** Largest answer, in bytes: a page of 1,000 entries has some 500 KiB. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024
/** Longest wait for an answer, in milliseconds: sizes of many images are computed. */
const TIMEOUT_MS = 120_000

/** A server, and the account that asks it. */
export interface AdminLogin {
  /** Scheme, host and port. */
  readonly url: string
  readonly username: string
  readonly password: string
  /** Certificates to trust in place of the system's authorities, PEM. */
  readonly ca?: string | undefined
}

/** The admin API of a server. */
export interface AdminClient {
  /** An answer; undefined for a problem of one of the `absent` codes. Errors: `RegistryError`. */
  get(path: string, absent?: readonly string[]): Promise<JsonObject | undefined>
}

/** Creates a client, which holds nothing that must be closed. */
export function createAdminClient({ url, username, password, ca }: AdminLogin): AdminClient {
  const transport = ca === undefined ? fetchTransport : createCaTransport(ca)
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
  return {
    async get(path, absent = []) {
      const response = await send(transport, `${url}/api/v1${path}`, authorization)
      const body = await readJson(response, MAX_ANSWER_BYTES)
      if (response.status === 200) return body
      if (absent.includes(String(body.code))) return undefined
      throw toError(response.status, body)
    },
  }
}

async function send(transport: Transport, url: string, authorization: string): Promise<Response> {
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    return await transport(url, { method: 'GET', headers: { authorization }, signal })
  } catch (cause) {
    throw new RegistryError('REGISTRY_UNREACHABLE', `No answer from ${new URL(url).origin}`, { cause })
  }
}

function toError(status: number, { code, detail }: JsonObject): RegistryError {
  if (typeof code !== 'string' || typeof detail !== 'string') {
    return new RegistryError(
      'REGISTRY_ANSWER_INVALID',
      `The answer, of status ${status}, is not that of Berth`,
    )
  }
  const kind = status === 401 ? 'REGISTRY_LOGIN_FAILED' : 'REGISTRY_REFUSED'
  return new RegistryError(kind, `The server refused: ${detail}`, { status, wireCode: code })
}
