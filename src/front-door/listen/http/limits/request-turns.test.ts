import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import { openTestLoneDoor } from '../../../../../test/support/door/lone-door.ts'
import { exchange, get, openProxyRoom } from '../../../../../test/support/door/proxy-room.ts'
import { startApp } from '../../../../../test/support/door/start-app.ts'
import { MAX_WAITING_REQUESTS } from './request-turns.ts'

test('requests sent without waiting for answers are passed on one after the other, in order', async () => {
  let underWay = 0
  let most = 0
  await using app = await startApp((request, response) => {
    most = Math.max(most, ++underWay)
    request.resume()
    setTimeout(() => {
      underWay--
      response.end(`[${request.url}]`)
    }, 2)
  })
  await using room = await openProxyRoom({ ports: [app.port] })
  const paths = Array.from({ length: 20 }, (_, index) => `/${index}`)
  const { text, ended } = await exchange(room.port, paths.map((path) => get(path)).join(''))
  assert.deepEqual(
    text.match(/\[[^\]]+\]/g),
    paths.map((path) => `[${path}]`),
  )
  assert.deepEqual([most, ended], [1, false])
})

test('bodies of requests that wait are theirs', async () => {
  await using app = await startApp((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += String(chunk)
    })
    request.on('end', () => setTimeout(() => response.end(`[${body}]`), 5))
  })
  await using room = await openProxyRoom({ ports: [app.port] })
  const post = (body: string): string =>
    `POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  const { text } = await exchange(room.port, ['one', 'two', 'three'].map(post).join(''))
  assert.deepEqual(text.match(/\[[^\]]+\]/g), ['[one]', '[two]', '[three]'])
})

test('a connection with too many requests that wait is ended, and an upstream sees one at most', async () => {
  let seen = 0
  await using app = await startApp(() => void seen++)
  await using room = await openProxyRoom({ ports: [app.port] })
  const { ended } = await exchange(room.port, get('/').repeat(MAX_WAITING_REQUESTS + 2))
  assert.ok(ended)
  assert.ok(seen <= 1, `${seen} requests were passed on`)
})

test('an upgrade behind a request without its answer is a request like any other', async () => {
  await using app = await startApp((request, response) => {
    setTimeout(() => response.end(`[${request.url} ${request.headers.upgrade}]`), 50)
  })
  await using room = await openProxyRoom({ ports: [app.port] })
  const bytes = get('/first') + get('/second', 'Connection: Upgrade', 'Upgrade: websocket')
  const { text } = await exchange(room.port, bytes)
  assert.deepEqual(text.match(/\[[^\]]+\]/g), ['[/first undefined]', '[/second undefined]'])
})

test('a lone door serves one request of a connection at a time', async () => {
  const responses: ServerResponse[] = []
  const listener = await openTestLoneDoor((_request, response) => void responses.push(response))
  const { ended } = await exchange(Number(new URL(listener.url).port), get('/').repeat(100))
  assert.deepEqual([ended, responses.length], [true, 1])
  await listener.stop(AbortSignal.abort())
})
