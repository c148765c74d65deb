import { isJsonObject } from '../oci/descriptor.ts'
import type { Login } from './login.ts'
import { readJson } from './read-body.ts'
import { RegistryError } from './registry-error.ts'
import type { Transport, TransportInit } from './transport.ts'

/** One request of the registry and the statuses that count as success. */
interface Call {
  readonly method: string
  /** Path and query, or an absolute URL on the registry. */
  readonly target: string
  readonly scope?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: TransportInit['body']
  readonly expect: readonly number[]
  /** Ends this call, as that of the exchange does. */
  readonly signal?: AbortSignal
}

/** Makes calls: logs in, sends, and turns unexpected answers into a {@link RegistryError}. */
export type Exchange = (call: Call) => Promise<Response>

/** Name of this client in the registry's log. */
const USER_AGENT = 'berth-client'
/** Largest error body, in bytes: real ones have some 200. */
const MAX_ERROR_BYTES = 64 * 1024
/** Longest text of an error body that is shown, in characters. */
const MAX_ERROR_TEXT = 300

/** An exchange with the registry at `url`, which ends when `signal` does. */
export function createExchange(
  url: string,
  { login, transport, signal }: { login: Login; transport: Transport; signal?: AbortSignal | undefined },
): Exchange {
  const send = async (call: Call): Promise<Response> => {
    const ended = joinSignals(signal, call.signal)
    const authorization = await login.authorize(call.scope, ended)
    return await transport(new URL(call.target, url).href, {
      method: call.method,
      headers: {
        'user-agent': USER_AGENT,
        ...call.headers,
        ...(authorization === undefined ? {} : { authorization }),
      },
      ...(call.body === undefined ? {} : { body: call.body }),
      signal: ended,
    })
  }
  return async (call) => {
    const first = await reach(url, () => send(call))
    // A token may expire between two calls; a body that is a stream cannot be sent again.
    const isRepeatable = call.body === undefined || call.body instanceof Uint8Array
    if (first.status !== 401 || !isRepeatable) return await expectStatus(first, call)
    await first.body?.cancel()
    login.forget(call.scope)
    return await expectStatus(await reach(url, () => send(call)), call)
  }
}

/** A signal that ends with the first of both. */
export function joinSignals(
  one: AbortSignal | undefined,
  other: AbortSignal | undefined,
): AbortSignal | undefined {
  return one && other ? AbortSignal.any([one, other]) : (one ?? other)
}

/** Sends a request. Errors: `RegistryError` `REGISTRY_UNREACHABLE`, with the system's code of a failed connection. */
export async function reach<T>(url: string, send: () => Promise<T>): Promise<T> {
  try {
    return await send()
  } catch (cause) {
    if (cause instanceof RegistryError) throw cause
    throw new RegistryError('REGISTRY_UNREACHABLE', `${url} cannot be reached (${reasonOf(cause)})`, {
      cause,
    })
  }
}

/** The system's code of a failed connection, found in the cause of `fetch`'s error. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown reason'
  if ('code' in error && typeof error.code === 'string') return error.code
  return error.cause instanceof Error ? reasonOf(error.cause) : error.message
}

async function expectStatus(response: Response, { method, target, expect }: Call): Promise<Response> {
  const { status } = response
  if (expect.includes(status)) return response
  const { code, message } = await readOciError(response)
  const path = target.replace(/[?#].*$/s, '')
  const what = `${method} ${path} was answered ${status}${code ? ` ${code}` : ''}${message ? `: ${message}` : ''}`
  const kind = status === 401 ? 'REGISTRY_LOGIN_FAILED' : 'REGISTRY_REFUSED'
  throw new RegistryError(kind, what, { status, wireCode: code })
}

/** The first error of an error body; empty if there is none, as proxies answer with pages of their own. */
async function readOciError(response: Response): Promise<{ code?: string; message?: string }> {
  const body = await readJson(response, MAX_ERROR_BYTES).catch(() => undefined)
  const first: unknown = Array.isArray(body?.errors) ? body.errors[0] : undefined
  if (!isJsonObject(first)) return {}
  return {
    ...(typeof first.code === 'string' ? { code: printable(first.code) } : {}),
    ...(typeof first.message === 'string' ? { message: printable(first.message) } : {}),
  }
}

/** The text without control characters: another machine wrote it, and a terminal shows it. */
function printable(text: string): string {
  return text.slice(0, MAX_ERROR_TEXT).replace(/[^ -~]/g, '?')
}
