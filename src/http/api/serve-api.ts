import type { Console, ConsoleAnswer, ConsoleRequest } from '../../console/console.ts'
import { OciError } from '../../oci/errors.ts'
import { type AuthenticateParts, authenticate } from '../access/authenticate.ts'
import { challengeFor } from '../access/challenge.ts'
import {
  ClientGone,
  discardBody,
  guardSending,
  replyBytes,
  sendHead,
  writeToClient,
} from '../answer/reply.ts'
import type { BodyRoom } from '../bounds/body-room.ts'
import { type Exchange, holderOf } from '../request/exchange.ts'
import { readBody } from '../request/read-body.ts'

/** Dependencies of the admin API's requests. */
export interface ApiParts extends AuthenticateParts {
  /** Opens the admin API at its first request; the same one each time. */
  readonly openConsole: () => Promise<Console>
  /** Memory of bodies that are being read. */
  readonly formRoom: BodyRoom
  readonly logFailure: (error: unknown, requestId: string) => void
}

/** True for a target of the admin API. */
export function isApiTarget(target: string): boolean {
  return /^\/api(?:[/?]|$)/.test(target)
}

/** Answers a request to the admin API, as a problem if it fails: this is the one place where it meets HTTP. */
export async function serveApi(exchange: Exchange, parts: ApiParts): Promise<void> {
  exchange.route = 'api'
  const { openConsole, logFailure, tokens } = parts
  const answer = await (await openConsole()).answer(toRequest(exchange, parts))
  exchange.repository = answer.repository
  exchange.errorCode = answer.errorCode
  exchange.visit.trace?.describe({ route: answer.route ?? '/api', 'berth.route': 'api' })
  if (answer.fault !== undefined) logFailure(answer.fault, exchange.visit.requestId)
  const { challenge } = answer
  if (challenge) {
    const { credentials } = challenge.login
    const at = { origin: exchange.origin, service: tokens.service }
    exchange.response.setHeader('www-authenticate', challengeFor(challenge.scopes, credentials, at))
  }
  await send(exchange, answer)
}

function toRequest(exchange: Exchange, parts: ApiParts): ConsoleRequest {
  const { request, response, visit } = exchange
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  return {
    method: request.method ?? 'GET',
    target: visit.target,
    headers: request.headers,
    requestId: visit.requestId,
    origin: exchange.origin,
    async authenticate() {
      const login = await authenticate({ headers: request.headers, remote: visit.remoteAddress }, parts)
      // The account that sent the request stays the one of its line in the log, also once its credentials have ended.
      if (exchange.principal.kind === 'anonymous') exchange.principal = login.principal
      return login
    },
    async readBody(maxBytes) {
      using hold = parts.formRoom.hold(holderOf(exchange))
      return await readBody(request, { maxBytes, tooLarge: () => tooLarge(maxBytes), hold })
    },
    signal: gone.signal,
  }
}

function tooLarge(maxBytes: number): OciError {
  return new OciError('REQUEST_INVALID', {
    message: `The body is larger than ${maxBytes} bytes`,
    status: 413,
  })
}

async function send(exchange: Exchange, { status, headers, body }: ConsoleAnswer): Promise<void> {
  // The answer must not wait for a body that the route did not read.
  discardBody(exchange)
  if (body === undefined) {
    const hasLength = status !== 204 && status !== 304
    sendHead(exchange, status, { ...headers, ...(hasLength && { 'content-length': 0 }) })
    exchange.response.end()
  } else if (Buffer.isBuffer(body)) replyBytes(exchange, body, { status, headers: { ...headers } })
  else await sendStream(exchange, { headers, body })
}

/** Sends each piece as it comes, until the client goes or the server ends the stream. */
async function sendStream(
  exchange: Exchange,
  { headers, body }: { headers: ConsoleAnswer['headers']; body: AsyncIterable<string> },
): Promise<void> {
  const { request, response } = exchange
  sendHead(exchange, 200, { ...headers, 'x-accel-buffering': 'no' })
  if (request.method === 'HEAD') {
    response.end()
    return
  }
  response.flushHeaders()
  using _guard = guardSending(exchange)
  try {
    for await (const piece of body) await writeToClient(exchange, Buffer.from(piece))
    response.end()
  } catch (error) {
    if (!(error instanceof ClientGone)) throw error
    response.destroy()
  }
}
