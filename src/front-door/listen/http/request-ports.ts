import type { Duplex } from 'node:stream'
import type { DoorRequest, DoorResponse } from './messages/door-request.ts'
import type { Http1Request } from './messages/http1-message.ts'
import type { HeadRefusal } from './refusals/refuse-head.ts'
import type { WordRefusal } from './refusals/unreadable.ts'

/** Receivers of requests. `Expect: 100-continue` is met when a body is read, not before. */
export interface RequestPorts {
  handle(request: DoorRequest, response: DoorResponse): void
  /** Answers a request that must not be served, by its head alone; a connection of HTTP/1 ends after that. */
  refuseHead(response: DoorResponse, refusal: HeadRefusal): void
  /** Text of a refusal without a request. */
  readonly word: WordRefusal
  /** True if a request to speak another protocol is passed on as such; else it is a request like any other. */
  shouldUpgrade(request: Http1Request): boolean
  upgrade(request: Http1Request, socket: Duplex, head: Buffer): void
}
