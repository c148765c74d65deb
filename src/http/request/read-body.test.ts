import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { test } from 'node:test'
import { startApp } from '../../../test/support/door/start-app.ts'
import { OciError } from '../../oci/errors.ts'
import { BodyRoom } from '../bounds/body-room.ts'
import { readBody } from './read-body.ts'

const tooLarge = (): OciError => new OciError('SIZE_INVALID', { status: 413 })

/** Reads each request by `read` and answers with the result. */
async function serve(read: (request: IncomingMessage) => Promise<string>) {
  const app = await startApp(async (incoming, response) => {
    const outcome = await read(incoming).catch((error: OciError) => error.code)
    incoming.resume()
    response.end(outcome)
  })
  const { port } = app
  return {
    open: (holder = 'alice') =>
      request({ port, method: 'PUT', agent: false, headers: { 'x-holder': holder } }),
    [Symbol.asyncDispose]: () => app[Symbol.asyncDispose](),
  }
}

async function readAnswer(outgoing: ReturnType<typeof request>): Promise<string> {
  const [incoming] = await once(outgoing, 'response')
  return (await incoming.toArray()).join('')
}

test('`readBody()` turns away what would be too much together, and takes it once there is room', async () => {
  const room = new BodyRoom(1_000)
  const { promise: hasBegun, resolve: begin } = Promise.withResolvers<unknown>()
  await using server = await serve(async (incoming) => {
    incoming.once('data', begin)
    using hold = room.hold(String(incoming.headers['x-holder']))
    return String(await readBody(incoming, { maxBytes: 800, tooLarge, hold })).slice(0, 1)
  })
  const slow = server.open()
  slow.write('a'.repeat(700))
  await hasBegun
  for (const [holder, length] of [
    ['bob', 400],
    ['alice', 51],
  ] as const) {
    const second = server.open(holder)
    second.end('b'.repeat(length))
    assert.equal(await readAnswer(second), 'TOOMANYREQUESTS', holder)
  }
  const small = server.open('bob')
  small.end('c'.repeat(300))
  assert.equal(await readAnswer(small), 'c')
  slow.end()
  assert.equal(await readAnswer(slow), 'a')
  const third = server.open()
  third.end('d'.repeat(750))
  assert.equal(await readAnswer(third), 'd')
  const large = server.open()
  large.end('e'.repeat(801))
  assert.equal(await readAnswer(large), 'SIZE_INVALID')
})

test('`readBody()` does not wait for a client that went before its body was requested', async () => {
  const { promise: outcome, resolve } = Promise.withResolvers<string>()
  const { promise: hasBegun, resolve: begin } = Promise.withResolvers<void>()
  await using server = await serve(async (incoming) => {
    begin()
    await new Promise((gone) => incoming.on('error', gone))
    await new Promise(setImmediate)
    using hold = new BodyRoom(20).hold('alice')
    resolve(await readBody(incoming, { maxBytes: 10, tooLarge, hold }).then(String, (error) => error.code))
    return ''
  })
  const outgoing = server.open()
  outgoing.on('error', () => {})
  outgoing.write('a')
  await hasBegun
  outgoing.destroy()
  assert.equal(await outcome, 'SIZE_INVALID')
})
