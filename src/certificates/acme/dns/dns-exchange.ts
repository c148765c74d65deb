import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, isIPv6 } from 'node:net'

/** Longest wait for a name server, in ms: an update waits for its disk. */
const TIMEOUT_MS = 10_000
/** Largest message over TCP (RFC 1035 section 4.2.2). */
const MAX_MESSAGE_BYTES = 65_535

/** Address of a name server; not a name. */
export interface DnsEndpoint {
  readonly address: string
  readonly port: number
}

/** Sends a message over TCP and reads the one reply. Errors: those of the connection; a timeout; no reply. */
export async function exchangeTcp(
  message: Buffer,
  server: DnsEndpoint,
  signal?: AbortSignal,
): Promise<Buffer> {
  const deadline = anySignal(signal)
  const socket = connect({ host: server.address, port: server.port })
  const stop = (): unknown => socket.destroy(new Error('no answer in time'))
  deadline.addEventListener('abort', stop, { once: true })
  try {
    socket.write(Buffer.concat([Buffer.of(message.length >> 8, message.length & 0xff), message]))
    let received = Buffer.alloc(0)
    for await (const chunk of socket) {
      received = Buffer.concat([received, chunk])
      if (received.length < 2) continue
      const size = received.readUInt16BE(0)
      if (received.length >= size + 2) return received.subarray(2, size + 2)
      if (received.length > MAX_MESSAGE_BYTES + 2) break
    }
    throw new Error('the connection was closed without an answer')
  } finally {
    deadline.removeEventListener('abort', stop)
    socket.destroy()
  }
}

/** Sends a message over UDP and reads the reply with its id. Errors: those of the socket; a timeout. */
export async function exchangeUdp(
  message: Buffer,
  server: DnsEndpoint,
  signal?: AbortSignal,
): Promise<Buffer> {
  const socket = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4')
  const deadline = anySignal(signal)
  try {
    // Connected: the system drops packets from other addresses, and reports a closed port.
    socket.connect(server.port, server.address)
    await once(socket, 'connect', { signal: deadline })
    socket.send(message)
    for (;;) {
      const [reply] = await once(socket, 'message', { signal: deadline })
      if (Buffer.isBuffer(reply) && reply.length >= 2 && reply.readUInt16BE(0) === message.readUInt16BE(0))
        return reply
    }
  } finally {
    socket.close()
  }
}

function anySignal(signal: AbortSignal | undefined): AbortSignal {
  const deadline = AbortSignal.timeout(TIMEOUT_MS)
  return signal === undefined ? deadline : AbortSignal.any([deadline, signal])
}
