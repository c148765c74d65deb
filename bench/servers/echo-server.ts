import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'

/** A WebSocket echo in a process of its own, whose files do not count as the bench's. Prints its port. */
const server = createServer()
const sockets = new WebSocketServer({ server, perMessageDeflate: false })
sockets.on('connection', (socket) => socket.on('message', (text) => socket.send(String(text))))
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))
