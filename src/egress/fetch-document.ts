import type { IncomingMessage } from 'node:http'
import { get } from 'node:https'
import { getCACertificates } from 'node:tls'
import { type AddressCheck, allowedLookup, isAllowedHost } from './allowed-lookup.ts'
import { isPublicAddress } from './public-address.ts'

/** Longest time for one document, in ms: a log-in waits for it. */
const TIMEOUT_MS = 5_000
/** Largest document, in bytes: the keys of an issuer have some 10 KB. */
export const MAX_DOCUMENT_BYTES: number = 256 * 1024

/** Settings of fetching a document. */
interface DocumentOptions {
  /** PEM of authorities that are trusted beside those of the system. */
  readonly ca?: string | undefined
  /** True: addresses of private networks and of this machine may be contacted, too. */
  readonly isPrivate?: boolean
}

/**
 * Fetches a JSON document over HTTPS: bounded in time and size, without redirects, proxies or kept connections, and only
 * from the public internet unless the operator allows more. Errors: `Error`, whose message is for the operator.
 */
export async function fetchDocument(address: string, options: DocumentOptions = {}): Promise<unknown> {
  const url = URL.parse(address)
  if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '')
    throw new Error('it is no https:// address')
  const isAllowed: AddressCheck = options.isPrivate ? () => true : isPublicAddress
  if (!isAllowedHost(url, isAllowed)) throw new Error('its address is not one of the public internet')
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const ca = options.ca === undefined ? {} : { ca: [...getCACertificates('default'), options.ca] }
  get(
    url,
    {
      ...ca,
      agent: false,
      lookup: allowedLookup(isAllowed),
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: { accept: 'application/json' },
    },
    resolve,
  ).on('error', reject)
  const response = await promise
  try {
    if (response.statusCode !== 200) throw new Error(`the answer was ${response.statusCode}`)
    return JSON.parse(String(await readBounded(response)))
  } finally {
    response.destroy()
  }
}

async function readBounded(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response) {
    const bytes = chunk as Buffer
    size += bytes.length
    if (size > MAX_DOCUMENT_BYTES) throw new Error(`the answer is larger than ${MAX_DOCUMENT_BYTES} bytes`)
    chunks.push(bytes)
  }
  return Buffer.concat(chunks)
}
