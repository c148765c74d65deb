import { RegistryError } from './registry-error.ts'
import type { Transport } from './transport.ts'

/** Statuses with which a registry sends a client to its storage (RFC 9110, 15.4). */
export const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308]
/** Redirects in turn: a registry sends to its storage, which may send to a copy of it. */
const MAX_REDIRECTS = 5

/** The registry that redirects. */
export interface Redirection {
  readonly url: string
  /** Sends to the storage, which may be on another host than the registry. */
  readonly transport: Transport
  readonly signal: AbortSignal | undefined
}

/**
 * Follows the redirects of an answer to a GET of content. Credentials are not sent along: the storage has a signature in
 * the URL. Over TLS it is not followed to plain HTTP. Errors: `RegistryError`.
 */
export async function followRedirects(
  answer: Response,
  { url, transport, signal }: Redirection,
): Promise<Response> {
  let response = answer
  let from = new URL(url)
  for (let count = 0; REDIRECTS.includes(response.status); count++) {
    await response.body?.cancel()
    const next = URL.parse(response.headers.get('location') ?? '', from.href)
    const isAllowed = next && (next.protocol === 'https:' || next.protocol === from.protocol)
    if (!isAllowed || count >= MAX_REDIRECTS) {
      throw new RegistryError(
        'REGISTRY_ANSWER_INVALID',
        'The registry redirects to a place that is not followed',
      )
    }
    from = next
    response = await reach(next, { transport, signal })
  }
  if (response.status === 200) return response
  await response.body?.cancel()
  throw new RegistryError('REGISTRY_REFUSED', `The storage of the registry answered ${response.status}`, {
    status: response.status,
  })
}

/** The URL stays out of errors: it may hold a signature. */
async function reach(url: URL, { transport, signal }: Omit<Redirection, 'url'>): Promise<Response> {
  try {
    return await transport(url.href, { method: 'GET', headers: {}, signal })
  } catch (cause) {
    throw new RegistryError(
      'REGISTRY_UNREACHABLE',
      `The storage of the registry, ${url.host}, cannot be reached`,
      {
        cause,
      },
    )
  }
}
