import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { peek } from './peek.ts'
import { readInPieces } from './read-in-pieces.ts'

test('`readInPieces()` gives what was put back in pieces that leave room in a buffer of 1 KiB, then all that comes', async () => {
  const server = createServer({ pauseOnConnect: false }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const client = connect(port, '127.0.0.1').on('error', () => {})
  const [socket] = (await once(server, 'connection')) as [Socket]
  const sent = Buffer.from('0123456789'.repeat(250))
  client.write(sent)
  await peek(socket, (bytes) => ({ kind: bytes.length === sent.length ? 'all' : 'incomplete' }))
  readInPieces(socket)
  const pieces: Buffer[] = []
  for (let piece = socket.read(); piece !== null; piece = socket.read()) pieces.push(piece as Buffer)
  assert.deepEqual(Buffer.concat(pieces), sent)
  assert.deepEqual(
    pieces.map(({ length }) => length),
    [1000, 1000, 500],
  )
  client.write(sent)
  while (socket.readableLength < sent.length) await once(socket, 'readable')
  assert.deepEqual(socket.read(), sent)
  client.destroy()
  socket.destroy()
  server.close()
})
