import type { Socket } from 'node:net'
import type { Http1Request, Http1Response } from '../messages/http1-message.ts'

/** Requests that may wait on one connection while another one is answered: apt sends ten, other clients none. */
export const MAX_WAITING_REQUESTS = 64

type Serve = (request: Http1Request, response: Http1Response) => void

interface Turn {
  last: Http1Response
  readonly waiting: (readonly [Http1Request, Http1Response])[]
}

/**
 * Serves the requests of a connection one after the other. Node's parser emits all requests that a client sends without
 * waiting for answers at once, so that some KiB on one connection would be thousands of requests to an upstream.
 */
export class RequestTurns {
  readonly #serve: Serve
  readonly #turns = new WeakMap<Socket, Turn>()

  constructor(serve: Serve) {
    this.#serve = serve
  }

  /** Serves a request now, or when those before it are answered. A connection with too many that wait is ended. */
  take(request: Http1Request, response: Http1Response): void {
    const { socket } = request
    const turn = this.#turns.get(socket)
    if (!turn) this.#turns.set(socket, { last: response, waiting: [] })
    else if (turn.waiting.length > 0 || !turn.last.writableFinished) {
      if (turn.waiting.length === 0) turn.last.once('close', () => this.#next(socket, turn))
      if (turn.waiting.push([request, response]) > MAX_WAITING_REQUESTS) socket.destroy()
      return
    } else turn.last = response
    this.#serve(request, response)
  }

  /** The answers that a connection waits for, in their order. */
  pending(socket: Socket): Http1Response[] {
    const turn = this.#turns.get(socket)
    if (!turn) return []
    const waiting = turn.waiting.map(([, response]) => response)
    return turn.last.writableFinished ? waiting : [turn.last, ...waiting]
  }

  /** True if all requests of a connection are answered. */
  isIdle(socket: Socket): boolean {
    return this.pending(socket).length === 0
  }

  #next(socket: Socket, turn: Turn): void {
    const [request, response] = turn.waiting.shift() ?? []
    if (!request || !response || !socket.writable) {
      turn.waiting.length = 0
      return
    }
    turn.last = response
    if (turn.waiting.length > 0) response.once('close', () => this.#next(socket, turn))
    this.#serve(request, response)
  }
}
