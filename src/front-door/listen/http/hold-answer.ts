import type { ServerResponse } from 'node:http'
import { constants, type Http2ServerResponse, type ServerHttp2Stream } from 'node:http2'
import { type UnsentHold, unsentBytes } from '../../../stream/unsent-bytes.ts'

/** Those of HTTP/2 are counted from the moment their streams are opened. */
const streams = new WeakMap<object, UnsentHold>()

/** Begins to count the memory of the answer on a stream, until the stream closes. */
export function holdStream(stream: ServerHttp2Stream): UnsentHold {
  const { session } = stream
  const hold = unsentBytes.open({
    connection: session ?? stream,
    endAnswer: () => stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM),
    // Bytes given to a session and not taken are freed with the session only.
    endConnection: () => session?.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM),
  })
  streams.set(stream, hold)
  stream.once('close', () => hold.close())
  return hold
}

/** Counts bytes read for an answer and not yet sent, until the answer closes. */
export function holdAnswer(response: ServerResponse | Http2ServerResponse): UnsentHold {
  if ('stream' in response) return streams.get(response.stream) ?? holdStream(response.stream)
  const { socket } = response.req
  const end = (): void => void socket.destroy()
  const hold = unsentBytes.open({ connection: socket, endAnswer: end, endConnection: end })
  response.once('close', () => hold.close())
  return hold
}

/** Marks an answer as waiting for an upstream, not its reader: others of its connection may go on meanwhile. */
export function letOthersBegin(response: ServerResponse | Http2ServerResponse): void {
  if ('stream' in response) streams.get(response.stream)?.waitForOthers()
}
