import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Served } from '../../../visit/served.ts'
import { endWithAnswer, MAX_HEAD_BYTES } from './refuse-head.ts'

/** Words the refusal of what is no request. */
export type WordRefusal = Served['word']

/** Failure of the parser -> status line, and the reason. */
const UNREADABLE: Readonly<Record<string, readonly [status: string, reason: string]>> = {
  HPE_HEADER_OVERFLOW: [
    '431 Request Header Fields Too Large',
    `the head of the request, its path and headers, is larger than ${MAX_HEAD_BYTES} bytes: send less`,
  ],
  ERR_HTTP_REQUEST_TIMEOUT: [
    '408 Request Timeout',
    'the head of the request did not come in time: send it again',
  ],
}
const OTHERWISE = ['400 Bad Request', 'the request cannot be understood'] as const
const TUNNEL = ['405 Method Not Allowed', 'there are no tunnels through this server'] as const

/**
 * Answers what the parser refuses shortly where an answer can still be sent, and ends the connection; nothing of the
 * request is repeated. In the middle of another answer it would be taken for a part of that one's body; before another
 * that is still to come it would be taken for that one, so the connection ends after the last of `pending`, those that
 * the connection waits for.
 */
export function answerUnreadable(
  error: NodeJS.ErrnoException,
  socket: Socket,
  { pending, word }: { pending: readonly ServerResponse[]; word: WordRefusal },
): void {
  const last = pending.at(-1)
  const isWaiting = last?.req.complete === true && !last.headersSent && !last.destroyed
  if (isWaiting && socket.writable && error.code?.startsWith('HPE_')) {
    socket.pause()
    last.once('close', () => socket.destroySoon())
    return
  }
  const isAnswering = pending.length > 1 || last?.headersSent
  if (!socket.writable || isAnswering || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  endWithError(socket, UNREADABLE[error.code ?? ''] ?? OTHERWISE, word)
}

/** Answers `CONNECT`, which Node would end without an answer, and ends the connection. */
export function refuseTunnel(socket: Socket, word: WordRefusal): void {
  // Errors of a connection that ends anyway.
  socket.on('error', () => {})
  endWithError(socket, TUNNEL, word)
}

function endWithError(
  socket: Socket,
  [status, reason]: readonly [status: string, reason: string],
  word: WordRefusal,
): void {
  const { type, body } = word({ kind: 'head', reason })
  const length = Buffer.byteLength(body)
  endWithAnswer(
    socket,
    `HTTP/1.1 ${status}\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n${body}`,
  )
}
