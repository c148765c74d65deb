import type { IncomingMessage, RequestOptions } from 'node:http'
import { isIP, type LookupFunction } from 'node:net'
import { OutgoingError } from './outgoing-error.ts'
import type { MayReach } from './target-networks.ts'

/** Longest URL, in characters. */
const MAX_URL_LENGTH = 2_048
/** Most bytes of an answer's head: more than any server of webhooks or keys sends. */
const MAX_HEADER_BYTES = 16 * 1024

/** A request to a server that a setting, a rule or a document names. */
export interface GuardedRequest {
  readonly url: string
  /** `GET` by default. */
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** For the whole request, from the look-up of the name to the end of the answer, in milliseconds. */
  readonly timeoutMs: number
  /** Most bytes of the answer's body that are taken. */
  readonly maxAnswerBytes: number
  /** True: what exceeds `maxAnswerBytes` is left out. By default it is an error. */
  readonly mayCut?: boolean
  /** True: `http://` may be used; by default only `https://`. */
  readonly isPlainAllowed?: boolean
  readonly signal?: AbortSignal
}

/** An answer, of any status. A redirect is an answer like others: it is never followed. */
interface GuardedAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: Buffer
}

/** Parts of the guard. */
export interface GuardParts {
  readonly mayReach: MayReach
  /** Certificates of CAs in PEM, in place of the usual ones. */
  readonly ca?: string | undefined
  /** Finds the addresses of a name; by default the resolver of the system does. */
  readonly lookup?: LookupFunction
}

/** Sends one request. Errors: {@link OutgoingError}. */
export type SendGuarded = (request: GuardedRequest) => Promise<GuardedAnswer>

/**
 * Makes the function that sends requests to servers whose names come from outside. The address is judged where the
 * connection is made, so a name cannot have one address for the check and another for the request. Each request has
 * a connection of its own; redirects are not followed, and proxies of the environment are not used.
 */
export function createGuardedRequest(parts: GuardParts): SendGuarded {
  return async (request) => {
    const url = parseTarget(request, parts.mayReach)
    const deadline = AbortSignal.timeout(request.timeoutMs)
    const signal = request.signal ? AbortSignal.any([request.signal, deadline]) : deadline
    try {
      const answer = await send(url, request, { parts, signal })
      return {
        status: answer.statusCode ?? 0,
        headers: answer.headers,
        body: await readBody(answer, request),
      }
    } catch (error) {
      throw toOutgoingError(error, url, deadline)
    }
  }
}

/** Errors: `OutgoingError` `URL_UNUSABLE`, `TARGET_FORBIDDEN` if the host is an address that may not be reached. */
function parseTarget(
  { url: text, isPlainAllowed = false }: Pick<GuardedRequest, 'url' | 'isPlainAllowed'>,
  mayReach: MayReach,
): URL {
  const url = text.length <= MAX_URL_LENGTH ? URL.parse(text) : null
  if (!url || url.hostname === '')
    throw new OutgoingError('URL_UNUSABLE', `no URL of at most ${MAX_URL_LENGTH} characters`)
  if (url.protocol !== 'https:' && !(isPlainAllowed && url.protocol === 'http:'))
    throw new OutgoingError(
      'URL_UNUSABLE',
      `the URL must begin with https://${isPlainAllowed ? ' or http://' : ''}`,
    )
  if (url.username !== '' || url.password !== '')
    throw new OutgoingError('URL_UNUSABLE', 'the URL holds a user name or a password')
  // Forms such as 2130706433 and 0x7f.1 have become an address here; a connection to one looks up no name.
  const host = bareHost(url)
  if (isIP(host) !== 0 && !mayReach(host)) throw forbidden(url)
  return url
}

function bareHost(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1')
}

function send(
  url: URL,
  { method = 'GET', headers = {}, body }: GuardedRequest,
  { parts, signal }: { parts: GuardParts; signal: AbortSignal },
): Promise<IncomingMessage> {
  const isTls = url.protocol === 'https:'
  // Not imported: Node would load its fetch, too, which takes memory.
  const { request, Agent } = process.getBuiltinModule(isTls ? 'node:https' : 'node:http')
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  const options: RequestOptions & { ca?: string } = {
    method,
    headers: { ...headers, ...length },
    // An agent of its own: no proxy of the environment, and no connection of an earlier look-up.
    agent: new Agent({ keepAlive: false }),
    lookup: guardLookup(parts, url),
    maxHeaderSize: MAX_HEADER_BYTES,
    signal,
    ...(isTls && parts.ca !== undefined && { ca: parts.ca }),
  }
  return new Promise((resolve, reject) => {
    request(url, options, resolve).once('error', reject).end(body)
  })
}

/** A look-up that returns only addresses which may be reached, and fails if there is none. */
function guardLookup({ mayReach, lookup }: GuardParts, url: URL): LookupFunction {
  const find: LookupFunction =
    lookup ??
    ((name, options, callback) => process.getBuiltinModule('node:dns').lookup(name, options, callback))
  return (name, options, callback) => {
    find(name, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, '')
      const addresses = (Array.isArray(found) ? found : []).filter(({ address }) => mayReach(address))
      const [first] = addresses
      if (!first) return callback(forbidden(url), '')
      if (options.all === true) callback(null, addresses)
      else callback(null, first.address, first.family)
    })
  }
}

async function readBody(
  answer: IncomingMessage,
  { maxAnswerBytes, mayCut = false }: Pick<GuardedRequest, 'maxAnswerBytes' | 'mayCut'>,
): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  // Leaving the loop closes the connection.
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    size += chunk.length
    if (size <= maxAnswerBytes) continue
    if (!mayCut)
      throw new OutgoingError('ANSWER_TOO_LARGE', `the answer has more than ${maxAnswerBytes} bytes`)
    break
  }
  return Buffer.concat(chunks).subarray(0, maxAnswerBytes)
}

function forbidden(url: URL): OutgoingError {
  return new OutgoingError(
    'TARGET_FORBIDDEN',
    `${url.hostname} has no public address: list its address or network in outgoing-networks to allow it`,
  )
}

function toOutgoingError(error: unknown, url: URL, deadline: AbortSignal): OutgoingError {
  if (error instanceof OutgoingError) return error
  if (deadline.aborted) return new OutgoingError('TIMED_OUT', `${url.hostname} did not answer in time`, error)
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'no answer'
  return new OutgoingError('TARGET_UNREACHABLE', `${url.hostname} cannot be reached: ${code}`, error)
}
