import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Visit } from './visit.ts'

/** What answers the requests of one host behind the front door, which knows no more of it than this. */
export interface Served {
  /** Answers a request. Never throws. */
  serve(request: IncomingMessage, response: ServerResponse, visit: Visit): void
  /** Words a refusal of the front door for the clients of this host. */
  word(refusal: Refusal): RefusalWords
}

/** Why the front door refuses a request, or a connection that holds none. */
export type Refusal =
  /** The head cannot be understood, or must not be served. */
  | { readonly kind: 'head'; readonly reason: string }
  | {
      readonly kind: 'body-too-large'
      readonly maxBytes: number
      /** File and line that say so, without the folder. */
      readonly place: string
    }

/** A refusal as it is sent. */
export interface RefusalWords {
  /** Media type of the body. */
  readonly type: string
  readonly body: string
}
