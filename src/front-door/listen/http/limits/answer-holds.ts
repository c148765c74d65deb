import type { ServerResponse } from 'node:http'
import { constants, type Http2ServerResponse, type ServerHttp2Stream } from 'node:http2'
import type { EndedAnswers, UnsentBytes, UnsentHold } from '../../../../stream/unsent-bytes.ts'

/** The holds of answers of both versions of HTTP in one count of unsent bytes. Listeners and sites share one. */
export class AnswerHolds {
  readonly #unsentBytes: UnsentBytes
  /** Those of HTTP/2: they are counted from the moment their streams are opened, before there is an answer. */
  readonly #streams = new WeakMap<ServerHttp2Stream, UnsentHold>()

  constructor(unsentBytes: UnsentBytes) {
    this.#unsentBytes = unsentBytes
  }

  /** Calls back when answers were ended because they held up others, until disposed of. */
  onEnded(listener: (ended: EndedAnswers) => void): Disposable {
    return this.#unsentBytes.onEnded(listener)
  }

  /** Begins to count the memory of the answer on a stream, until the stream closes. */
  holdStream(stream: ServerHttp2Stream): UnsentHold {
    const { session } = stream
    const hold = this.#unsentBytes.open({
      connection: session ?? stream,
      endAnswer: () => stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM),
      // Bytes given to a session and not taken are freed with the session only.
      endConnection: () => session?.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM),
    })
    this.#streams.set(stream, hold)
    stream.once('close', () => hold.close())
    return hold
  }

  /** Counts bytes read for an answer and not yet sent, until the answer closes. */
  holdAnswer(response: ServerResponse | Http2ServerResponse): UnsentHold {
    if ('stream' in response) return this.#streams.get(response.stream) ?? this.holdStream(response.stream)
    const { socket } = response.req
    const end = (): void => void socket.destroy()
    const hold = this.#unsentBytes.open({ connection: socket, endAnswer: end, endConnection: end })
    response.once('close', () => hold.close())
    return hold
  }

  /** Marks an answer as waiting for an upstream, not its reader: others of its connection may go on meanwhile. */
  letOthersBegin(response: ServerResponse | Http2ServerResponse): void {
    if ('stream' in response) this.#streams.get(response.stream)?.waitForOthers()
  }
}
