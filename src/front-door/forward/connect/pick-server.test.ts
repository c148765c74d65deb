import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import {
  exchange,
  get,
  openProxyRoom,
  startScriptedUpstream,
} from '../../../../test/support/door/proxy-room.ts'
import { startApp } from '../../../../test/support/door/start-app.ts'
import type { UpstreamServer } from '../../sites/site-declaration.ts'
import { ServerPicker } from './pick-server.ts'

const UPGRADE = ['Connection: Upgrade', 'Upgrade: tcp']

function server(port: number): UpstreamServer {
  return { host: '192.0.2.1', port, name: `app${port}`, health: 'unknown', problem: undefined }
}

test('`begin()` refuses what is too much for a server, and for all, and tells it now and then', () => {
  const reports: unknown[] = []
  let now = 0
  const picker = new ServerPicker({
    clock: () => now,
    maxPerServer: 2,
    maxUnderWay: 3,
    onFull: ({ name }, underWay) => reports.push([name, underWay]),
  })
  const first = picker.begin(server(1))
  assert.ok(first && picker.begin(server(1)))
  for (let index = 0; index < 5; index++) assert.equal(picker.begin(server(1)), undefined)
  assert.deepEqual(reports, [['app1', { atServer: 2, atAll: 2 }]])
  assert.ok(picker.begin(server(2)))
  assert.equal(picker.begin(server(3)), undefined)
  assert.deepEqual(reports[1], ['app3', { atServer: 0, atAll: 3 }])
  first()
  assert.ok(picker.begin(server(1)))
  now = 10_000
  assert.equal(picker.begin(server(1)), undefined)
  assert.equal(reports.length, 3)
})

test('what is too much for a server goes to the next one, else gets 503, and there is room again after it', async () => {
  const answers: (() => void)[] = []
  await using slow = await startApp((_request, response) => void answers.push(() => response.end('slow')))
  const maxRequestsPerServer = 2
  await using room = await openProxyRoom({ ports: [slow.port], maxRequestsPerServer })
  const waiting = [get('/'), get('/', ...UPGRADE)].map((text) => exchange(room.port, text))
  while (answers.length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
  for (const lines of [[], UPGRADE]) {
    const { text } = await exchange(room.port, get('/', ...lines), { quietMs: 50 })
    assert.match(text, /^HTTP\/1\.1 503 [\s\S]*retry-after: 10\r$/im)
  }
  const full = room.log.filter(({ msg }) => /the largest number of requests/.test(String(msg)))
  assert.deepEqual(
    full.map((line) => [line.server, line.atServer]),
    [['server0', 2]],
  )
  for (const answer of answers) answer()
  for (const { text } of await Promise.all(waiting)) assert.match(text, /slow/)
  const last = exchange(room.port, get('/'))
  while (answers.length < 3) await new Promise((resolve) => setTimeout(resolve, 5))
  answers[2]?.()
  assert.match((await last).text, /slow/)
})

test('a request that fails, or is given up, no longer counts', async () => {
  await using silent = await startScriptedUpstream((socket) => socket.destroy())
  await using hung = await startScriptedUpstream(() => {})
  const vhost = 'proxy_read_timeout 50ms;'
  for (const port of [1, silent.port, hung.port]) {
    await using room = await openProxyRoom({ ports: [port], maxRequestsPerServer: 1, vhost })
    for (const lines of [[], UPGRADE, [], UPGRADE]) {
      const { text } = await exchange(room.port, get('/', ...lines), { quietMs: 50 })
      assert.match(text, /^HTTP\/1\.1 50[24] /)
    }
  }
  await using room = await openProxyRoom({ ports: [hung.port], maxRequestsPerServer: 1 })
  const countRequests = () => hung.received.join('').split('GET ').length
  for (let round = 0; round < 3; round++) {
    const before = countRequests()
    const visitor = connect(room.port, '127.0.0.1')
    visitor.write(get('/'))
    while (countRequests() === before) await new Promise((resolve) => setTimeout(resolve, 5))
    visitor.destroy()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
})
