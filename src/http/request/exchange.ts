import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Principal } from '../../access/principal.ts'
import type { AccessRules } from '../../access/rules.ts'
import type { Visit } from '../../front-door/visit/visit.ts'
import { OciError } from '../../oci/errors.ts'
import type { UnsentHold } from '../../stream/unsent-bytes.ts'
import type { SharedBounds } from '../bounds/shared-bounds.ts'
import type { RouteName } from './request-meter.ts'

/** One request and its answer, its principal, and the data of its access line. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly visit: Visit
  principal: Principal
  /** The rules in force when the request came: one answer never mixes two. */
  rules: AccessRules
  repository: string | undefined
  route: RouteName
  errorCode: string | undefined
  /** Body bytes handed to the connection. */
  sentBytes: number
  readonly bounds: Pick<SharedBounds, 'answerRoom' | 'unsentBytes'>
  /** Counts the body while it is sent in chunks. */
  unsent?: UnsentHold
  /** Scheme and host of this registry, without a trailing slash. */
  readonly origin: string
  /** Prefix of the path of each `Location`: empty if they are relative. */
  readonly locationBase: string
}

/** Name of the request's account. Errors: `UNAUTHORIZED`. */
export function requireAccount(exchange: Exchange): string {
  if (exchange.principal.kind !== 'anonymous') return exchange.principal.name
  throw new OciError('UNAUTHORIZED')
}

/**
 * Id of that account: upload sessions are bound to it, and not to a name that another may get. Errors: `UNAUTHORIZED`.
 */
export function requireAccountId(exchange: Exchange): string {
  if (exchange.principal.kind !== 'anonymous') return exchange.principal.id
  throw new OciError('UNAUTHORIZED')
}

/** Name under which a request's transfers are counted and listed: its account, or its address without one. */
export function callerOf({ principal, visit }: Exchange): string {
  return principal.kind === 'anonymous' ? `(anonymous ${visit.remoteAddress})` : principal.name
}

/** Holder of a request's memory: its account, or its address without one. */
export function holderOf({ principal, visit }: Exchange): string {
  // No account has a space in its name, nor an address.
  return principal.kind !== 'anonymous' ? `account ${principal.name}` : `address ${visit.remoteAddress}`
}
