import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { formatId } from '../../../test/support/docker/scripted-engine.ts'
import { app, watch } from '../../../test/support/docker/watched-engine.ts'

test('garbage among events costs a list and nothing else', async () => {
  await using watched = await watch()
  await watched.until(() => watched.reports.length === 1)
  watched.engine.containers.set(formatId(1), app('app'))
  watched.engine.emitRaw('{"Type":"container",\n')
  await watched.until(() => watched.names().length === 1)
  assert.equal(watched.engine.streams.size, 1, 'the stream is kept')
})

test('an event that is too long is skipped, and what it was about is found by a list', async () => {
  await using watched = await watch()
  await watched.until(() => watched.reports.length === 1)
  watched.engine.containers.set(formatId(1), app('app'))
  watched.engine.emitRaw(`{"Type":"container","Actor":{"ID":"${formatId(1)}","Attributes":{"label":"`)
  for (let index = 0; index < 40; index++) watched.engine.emitRaw('x'.repeat(64 * 1024))
  watched.engine.emitRaw('"}}}\n')
  await watched.until(() => watched.names().length === 1)
})

test('a stream of nothing but garbage is given up, and tried again', async () => {
  await using watched = await watch()
  await watched.until(() => watched.reports.length === 1)
  const again = watched.engine.nextStream()
  watched.engine.emitRaw('no json\n'.repeat(200))
  await again
})

for (const [name, event] of [
  ['events of volumes', { Type: 'volume', Action: 'create', Actor: { ID: formatId(1) } }],
  ['events without an id', { Type: 'container', Action: 'start' }],
  ['events that are no objects', 7],
  [
    'events about ids that would be other paths',
    { Type: 'container', Action: 'start', Actor: { ID: '../../x' } },
  ],
] as const) {
  test(`${name} change nothing`, async () => {
    await using watched = await watch()
    await watched.until(() => watched.reports.length === 1)
    watched.engine.requests.length = 0
    watched.engine.emitRaw(`${JSON.stringify(event)}\n`)
    watched.engine.containers.set(formatId(2), app('app'))
    watched.engine.emit('start', formatId(2))
    await watched.until(() => watched.names().length === 1)
    assert.deepEqual(watched.engine.requests, [`GET /containers/${formatId(2)}/json`])
  })
}

test('a container that the engine cannot answer about keeps the others waiting no longer than its patience', async () => {
  await using watched = await watch({
    prepare: ({ containers }) => void containers.set(formatId(1), app('stuck')),
  })
  await watched.until(() => watched.names().length === 1)
  const { engine } = watched
  engine.script = (request) => request.url?.includes(formatId(1)) === true
  engine.containers.set(formatId(2), app('app'))
  engine.emit('start', formatId(1))
  engine.emit('start', formatId(2))
  await watched.until(() => watched.names().length === 2)
  assert.deepEqual(watched.names(), ['app', 'stuck'])
})

test('a container that cannot be read stays as it was, and is looked at again with the next list', async () => {
  await using watched = await watch({
    times: { pollMs: 100 },
    prepare: ({ containers }) => void containers.set(formatId(1), app('app')),
  })
  await watched.until(() => watched.names().length === 1)
  const { engine } = watched
  engine.script = (request, response) => {
    if (!request.url?.includes(formatId(1))) return false
    engine.script = undefined
    response.writeHead(500).end('{}')
    return true
  }
  engine.containers.set(formatId(1), { ...app('app'), state: 'exited' })
  engine.emit('die', formatId(1))
  await watched.until(() => watched.reports.at(-1)?.containers[0]?.state === 'stopped')
  assert.equal(
    watched.reports.some(({ containers }) => containers.length === 0),
    false,
    'it was never dropped',
  )
})

test('the safety poll finds what no event named, with one request if there is nothing', async () => {
  await using watched = await watch({
    times: { pollMs: 80 },
    prepare: ({ containers }) => void containers.set(formatId(1), app('app')),
  })
  await watched.until(() => watched.names().length === 1)
  watched.engine.requests.length = 0
  await watched.until(() => watched.engine.requests.length >= 2)
  assert.deepEqual([...new Set(watched.engine.requests)], ['GET /containers/json?all=1'])
  watched.engine.containers.set(formatId(1), { ...app('app'), state: 'paused' })
  await watched.until(() => watched.reports.at(-1)?.containers[0]?.state === 'paused')
})

test('an idle connection that was closed is no reason to leave: the list is requested again', async () => {
  await using watched = await watch({ times: { pollMs: 50 } })
  await watched.until(() => watched.reports.length === 1)
  const { engine } = watched
  engine.script = (request) => {
    if (!request.url?.startsWith('/containers/json')) return false
    engine.script = undefined
    request.socket.destroy()
    return true
  }
  await watched.until(() => engine.script === undefined)
  engine.requests.length = 0
  await watched.until(() => engine.requests.length > 2)
  assert.deepEqual([...new Set(engine.requests)], ['GET /containers/json?all=1'])
})

test('an engine that breaks off its lists is left, and tried again', async () => {
  await using watched = await watch({ times: { pollMs: 50 } })
  await watched.until(() => watched.reports.length === 1)
  const again = watched.engine.nextStream()
  watched.engine.script = (request, response) => {
    if (!request.url?.startsWith('/containers/json')) return false
    response.writeHead(200, { 'content-length': '1000' })
    response.write('[{', () => response.destroy())
    return true
  }
  await again
})

test('what is no engine is reported as such', async () => {
  await using watched = await watch({
    prepare: (engine) => {
      engine.script = (request, response) => {
        if (request.url !== '/version') return false
        response.end('{"hello":"world"}')
        return true
      }
    },
  })
  await watched.until(() => watched.states.length > 0)
  assert.match(
    watched.states[0] ?? '',
    /its \/version is not that of an engine\. See that --docker-host leads/,
  )
  assert.equal(watched.reports.length, 0)
})

test('no engine at all is reported once', async () => {
  await using watched = await watch({ prepare: (engine) => engine.stop() })
  await watched.until(() => watched.states.length > 0)
  await sleep(200)
  assert.equal(watched.states.length, 1)
  assert.match(watched.states[0] ?? '', /there is no such socket\. Start Docker, name its socket/)
  assert.equal(watched.logs.length, 1)
})

test('a proxy that holds the answer to the subscription back does not hold the list back', async () => {
  await using watched = await watch({
    prepare: (engine) => {
      engine.containers.set(formatId(1), app('app'))
      engine.script = (request) => request.url?.startsWith('/events') === true
    },
  })
  await watched.until(() => watched.names().length === 1)
})
