import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Http1Request, Http1Response } from '../../listen/http/messages/http1-message.ts'

/**
 * Time for which a client may go on sending after its answer, in milliseconds; cut at once, it might not see the
 * answer.
 */
const LINGER_MS = 2_000

/**
 * Makes the answer to a request whose connection was prepared for another protocol that is not spoken. It is one like
 * any other; the connection ends with it, since the bytes after it are those of that protocol.
 */
export function responseOn(request: Http1Request, socket: Duplex): Http1Response {
  const response = new Http1Response(request)
  response.shouldKeepAlive = false
  if (socket.destroyed) {
    // No other part would emit it.
    process.nextTick(() => response.emit('close'))
    return response
  }
  // The methods that it needs are those of any stream.
  response.assignSocket(socket as Socket)
  const onDrain = (): boolean => response.emit('drain')
  const onEnd = (): void => void socket.destroy()
  socket.on('drain', onDrain).once('end', onEnd)
  // Reading is the only way to see that the client goes; its further bytes are dropped.
  socket.resume()
  response.once('finish', () => {
    socket.off('drain', onDrain).off('end', onEnd)
    response.detachSocket(socket as Socket)
    response.emit('close')
    endSlowly(socket)
  })
  return response
}

function endSlowly(socket: Duplex): void {
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.once('close', () => clearTimeout(timer))
  if (socket.readableEnded) socket.end(() => socket.destroy())
  else socket.once('end', () => socket.destroy()).end()
}
