import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'

/**
 * Measures the cost of a WebSocket in Node itself: accepts them over TLS and does nothing with them. Arguments:
 * certificate, key, port.
 */
const [certFile = '', keyFile = '', port] = process.argv.slice(2)
const server = createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) })
server.on('upgrade', (request, socket) => {
  // RFC 6455 section 4.2.2.
  const accept = createHash('sha1')
    .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64')
  const head = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: websocket']
  socket.write(`${[...head, `Sec-WebSocket-Accept: ${accept}`].join('\r\n')}\r\n\r\n`)
  socket.on('error', () => socket.destroy()).resume()
})
server.listen(Number(port), '127.0.0.1')
