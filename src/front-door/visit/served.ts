import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Visit } from './visit.ts'

/** Handler of one host's requests behind the front door, which knows no more of it than this. */
export interface Served {
  /** Answers a request. Never throws. */
  serve(request: IncomingMessage, response: ServerResponse, visit: Visit): void
  /** Text of a refusal of the front door, for the clients of this host. */
  word(refusal: Refusal): RefusalWords
}

/** Reason why the front door refuses a request, or a connection without one. */
export type Refusal =
  /** The head cannot be parsed, or must not be served. */
  | { readonly kind: 'head'; readonly reason: string }
  | {
      readonly kind: 'body-too-large'
      readonly maxBytes: number
      /** File and line of the setting, without the folder. */
      readonly place: string
    }

/** A refusal as sent. */
export interface RefusalWords {
  /** Media type of the body. */
  readonly type: string
  readonly body: string
}
