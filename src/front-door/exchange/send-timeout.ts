import type { ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import type { Duplex, Writable } from 'node:stream'
import { breakOff } from '../listen/http/messages/break-off.ts'

/**
 * Waits until a client has taken all written bytes (`drain`), or all of an answer that has ended (`finish`). One that
 * takes no byte for `timeoutMs` loses its connection, or its stream of HTTP/2: nginx's `send_timeout`. The clock runs
 * only here, so that neither a slow disk nor `limit_rate` counts. `through`: the stream that was written to, if it is
 * not the answer itself. Errors: the client is gone.
 */
export function untilTaken(
  response: ServerResponse | Http2ServerResponse,
  event: 'drain' | 'finish',
  { timeoutMs, through }: { timeoutMs: number; through?: Writable | undefined },
): Promise<void> {
  const target = through ?? response
  return whileTaking(response, timeoutMs, (done) => {
    // First: at the end of an answer Node sets the timeout of an idle connection.
    target.prependOnceListener(event, done)
    return () => target.off(event, done)
  })
}

/** Writes bytes and waits until they are on their way, so that their memory may be used again, as {@link untilTaken}. */
export function writeAndWait(
  response: ServerResponse | Http2ServerResponse,
  bytes: Uint8Array,
  timeoutMs: number,
): Promise<void> {
  return whileTaking(response, timeoutMs, (done) => {
    ;(response as ServerResponse).write(bytes, done)
    return ignore
  })
}

/** `begin` calls back once the client has taken its bytes, and returns the cleanup for afterwards. */
function whileTaking(
  response: ServerResponse | Http2ServerResponse,
  timeoutMs: number,
  begin: (done: (error?: Error | null) => void) => () => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const clock = 'stream' in response ? response.stream : response.req.socket
    if (clock.destroyed || response.destroyed) return reject(new Error('The client is gone'))
    const settle = (): void => {
      stopWaiting()
      clock.setTimeout(0)
      clock.off('timeout', onTimeout)
      response.off('close', onClose)
    }
    const onTimeout = (): void => breakOff(response)
    const onClose = (): void => {
      settle()
      reject(new Error('The client is gone'))
    }
    // The system's own clock: it counts bytes that went out, not only finished writes.
    clock.setTimeout(timeoutMs)
    clock.on('timeout', onTimeout)
    response.once('close', onClose)
    const stopWaiting = begin((error) => {
      if (error) return onClose()
      settle()
      resolve()
    })
  })
}

function ignore(): void {}

/**
 * {@link untilTaken} of `drain` for an answer that is written chunk by chunk: it listens once, as a large answer waits
 * thousands of times.
 */
export class DrainWait {
  readonly #clock: Pick<Duplex, 'destroyed'> & { setTimeout(ms: number): unknown }
  readonly #timeoutMs: number
  #then: (() => void) | undefined

  constructor(
    response: ServerResponse | Http2ServerResponse,
    { timeoutMs, through }: { timeoutMs: number; through: Writable | undefined },
  ) {
    const clock = 'stream' in response ? response.stream : response.req.socket
    const onTimeout = (): void => {
      if (this.#then) breakOff(response)
    }
    const target = through ?? response
    target.on('drain', this.#onDrain)
    clock.on('timeout', onTimeout)
    response.once('close', () => {
      this.#then = undefined
      target.off('drain', this.#onDrain)
      clock.off('timeout', onTimeout)
    })
    this.#clock = clock
    this.#timeoutMs = timeoutMs
  }

  /** Calls `then` once the client has taken all written bytes; never if it is gone. */
  begin(then: () => void): void {
    if (this.#clock.destroyed) return
    this.#then = then
    this.#clock.setTimeout(this.#timeoutMs)
  }

  readonly #onDrain = (): void => {
    const then = this.#then
    if (!then) return
    this.#then = undefined
    this.#clock.setTimeout(0)
    then()
  }
}
