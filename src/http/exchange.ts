import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Principal } from '../access/principal.ts'
import { OciError } from '../oci/errors.ts'
import type { UnsentHold } from '../stream/unsent-bytes.ts'
import type { BodyRoom } from './body-room.ts'

/** One request and its answer, on behalf of whom, and what its access line will say. */
export interface Exchange {
  readonly id: string
  readonly request: IncomingMessage
  readonly response: ServerResponse
  principal: Principal
  repository: string | undefined
  errorCode: string | undefined
  /** Address of the client; that behind a trusted proxy as the proxy tells it. */
  readonly remote: string
  /** Body bytes handed to the connection. */
  sentBytes: number
  /** Memory of larger answers that wait for their clients to read them, those of all requests together. */
  readonly answerRoom: BodyRoom
  /** Counts the body while it is sent in chunks. */
  unsent?: UnsentHold
  /** Scheme and host this registry is reached by, without a trailing slash. */
  readonly origin: string
  /** Put before the path of each `Location`: empty where they are relative. */
  readonly locationBase: string
}

/** Name of the account that makes the request. Errors: `UNAUTHORIZED`. */
export function requireAccount(exchange: Exchange): string {
  if (exchange.principal.kind === 'user') return exchange.principal.name
  throw new OciError('UNAUTHORIZED')
}

/** Id of that account: upload sessions are bound to it, and not to a name that another may get. Errors: `UNAUTHORIZED`. */
export function requireAccountId(exchange: Exchange): string {
  if (exchange.principal.kind === 'user') return exchange.principal.id
  throw new OciError('UNAUTHORIZED')
}

/** Whose memory a request takes: its account's, or its address's where there is none. */
export function holderOf({ principal, remote }: Exchange): string {
  // No account has a space in its name, nor an address.
  return principal.kind === 'user' ? `account ${principal.name}` : `address ${remote}`
}
