import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { formatId } from '../../../test/support/docker/scripted-engine.ts'
import { app, watch } from '../../../test/support/docker/watched-engine.ts'

test('subscribes to events before it lists', async () => {
  await using watched = await watch({
    prepare: ({ containers }) => void containers.set(formatId(1), app('app')),
  })
  await watched.until(() => watched.reports.length > 0)
  const order = watched.engine.requests.map((request) => request.replace(/\?.*/, ''))
  assert.deepEqual(order, [
    'GET /events',
    'GET /version',
    'GET /containers/json',
    `GET /containers/${formatId(1)}/json`,
  ])
  assert.match(watched.engine.requests[0] ?? '', /"start".*"health_status"/)
  assert.deepEqual(watched.names(), ['app'])
  assert.deepEqual(watched.states, [`The Docker engine 99.1 at ${watched.engine.url} is watched`])
})

test('looks only at the container that an event is about', async () => {
  await using watched = await watch({
    prepare: ({ containers }) => {
      for (let index = 0; index < 50; index++) containers.set(formatId(index), app(`app${index}`))
    },
  })
  await watched.until(() => watched.names().length === 50)
  watched.engine.requests.length = 0
  watched.engine.containers.set(formatId(7), { ...app('app7'), state: 'exited' })
  watched.engine.emit('die', formatId(7))
  await watched.until(
    () => watched.reports.at(-1)?.containers.some(({ state }) => state === 'stopped') === true,
  )
  assert.deepEqual(watched.engine.requests, [`GET /containers/${formatId(7)}/json`])
})

test('tells once of many events, and not at all of containers without a host', async () => {
  await using watched = await watch({ times: { settleMs: 60, maxSettleMs: 400 } })
  await watched.until(() => watched.reports.length === 1)
  for (let index = 0; index < 20; index++) {
    watched.engine.containers.set(formatId(index), app(`app${index}`))
    watched.engine.emit('start', formatId(index))
  }
  await watched.until(() => watched.names().length === 20)
  assert.equal(watched.reports.length, 2)
  watched.engine.containers.set(formatId(90), { name: 'job', env: ['SECRET=x'] })
  watched.engine.emit('start', formatId(90))
  watched.engine.containers.set(formatId(91), app('last'))
  watched.engine.emit('start', formatId(91))
  await watched.until(() => watched.names().includes('last'))
  assert.equal(watched.names().includes('job'), false)
  watched.engine.requests.length = 0
  watched.engine.emit('die', formatId(90))
  watched.engine.emit('die', formatId(91))
  await watched.until(() => watched.engine.requests.length > 0)
  assert.deepEqual(watched.engine.requests, [`GET /containers/${formatId(91)}/json`])
})

test('events that never pause put looking off no longer than the longest settling time', async () => {
  await using watched = await watch({ times: { settleMs: 50, maxSettleMs: 150 } })
  await watched.until(() => watched.reports.length === 1)
  watched.engine.containers.set(formatId(1), app('app'))
  let isDone = false
  const noise = (async () => {
    while (!isDone) {
      watched.engine.emit('start', formatId(1))
      await sleep(10)
    }
  })()
  await watched.until(() => watched.names().length === 1)
  isDone = true
  await noise
})

test('a container that is removed is gone without another question', async () => {
  await using watched = await watch({
    prepare: ({ containers }) => void containers.set(formatId(1), app('app')),
  })
  await watched.until(() => watched.names().length === 1)
  watched.engine.containers.delete(formatId(1))
  watched.engine.emit('destroy', formatId(1))
  await watched.until(() => watched.names().length === 0)
})

test('the last state stays while the engine is away; what happened meanwhile is found after', async () => {
  await using watched = await watch({
    prepare: ({ containers }) => void containers.set(formatId(1), app('old')),
  })
  await watched.until(() => watched.names().includes('old'))
  const before = watched.reports.length
  await watched.engine.stop()
  await watched.until(() => watched.states.at(-1)?.includes('cannot be read from') === true)
  await sleep(150)
  assert.equal(watched.reports.length, before, 'nothing is told while it is away')
  const warnings = watched.logs.filter(({ level }) => level === 'warn' || level === 40)
  assert.equal(warnings.length, 1, 'it is said once')
  watched.engine.containers.delete(formatId(1))
  watched.engine.containers.set(formatId(2), app('new'))
  await watched.engine.start()
  await watched.until(() => watched.names().join() === 'new')
  assert.match(watched.states.at(-1) ?? '', /is watched$/)
})

test('an engine that ends idle streams is subscribed to again, without a word', async () => {
  await using watched = await watch({
    prepare: ({ containers }) => void containers.set(formatId(1), app('app')),
  })
  await watched.until(() => watched.names().length === 1)
  const again = watched.engine.nextStream()
  for (const stream of watched.engine.streams) stream.end()
  await again
  watched.engine.containers.set(formatId(2), app('later'))
  await watched.until(() => watched.engine.streams.size === 1)
  watched.engine.emit('start', formatId(2))
  await watched.until(() => watched.names().length === 2)
  assert.deepEqual(
    watched.logs.filter(({ level }) => level !== 'debug'),
    [],
  )
})

test("Berth's own networks are those of its container, with the way to the host", async () => {
  const networks = {
    inner: { NetworkID: 'n1', IPAddress: '10.1.0.2', Gateway: '10.1.0.1' },
    web: { NetworkID: 'n2', IPAddress: '10.2.0.2', Gateway: '10.2.0.1' },
  }
  await using watched = await watch({
    traces: { isContained: true, ids: [formatId(9)] },
    prepare: (engine) => {
      engine.containers.set(formatId(9), { name: 'berth', networks })
      engine.networks.push(
        { Name: 'inner', Internal: true },
        { Name: 'web', Internal: false, Driver: 'bridge' },
      )
    },
  })
  await watched.until(() => watched.reports.length > 0)
  assert.deepEqual(watched.reports.at(-1)?.place, {
    isHost: false,
    networks: [
      { name: 'inner', id: 'n1' },
      { name: 'web', id: 'n2' },
    ],
    gateway: '10.2.0.1',
    drivers: new Map([['web', 'bridge']]),
  })
  watched.engine.containers.set(formatId(9), { name: 'berth', networks: { web: networks.web } })
  watched.engine.emitRaw(
    `${JSON.stringify({ Type: 'network', Action: 'disconnect', Actor: { ID: 'n1', Attributes: { container: formatId(9) } } })}\n`,
  )
  await watched.until(() => watched.reports.at(-1)?.place.networks.length === 1)
})

test("Berth's own container asks for no host, though its variables name the registry", async () => {
  await using watched = await watch({
    traces: { isContained: true, ids: [formatId(9)] },
    prepare: (engine) => {
      engine.containers.set(formatId(9), { name: 'berth', env: ['VIRTUAL_HOST=registry.example.com'] })
      engine.containers.set(formatId(8), { name: 'app', env: ['VIRTUAL_HOST=app.example.com'] })
    },
  })
  await watched.until(() => watched.reports.length > 0)
  assert.deepEqual(watched.names(), ['app'])
})

test('a socket proxy that hides networks is no reason to stop', async () => {
  await using watched = await watch({
    traces: { isContained: true, ids: [formatId(9)] },
    prepare: (engine) => {
      engine.containers.set(formatId(9), {
        name: 'berth',
        networks: { web: { NetworkID: 'n2', IPAddress: '10.2.0.2', Gateway: '10.2.0.1' } },
      })
      engine.script = (request, response) => {
        if (request.url !== '/networks') return false
        response.writeHead(403).end()
        return true
      }
    },
  })
  await watched.until(() => watched.reports.length > 0)
  assert.equal(watched.reports.at(-1)?.place.gateway, '10.2.0.1')
})

test('ends at once, in whatever state it is', async () => {
  const watched = await watch({
    prepare: (engine) => engine.stop(),
    times: { minRetryMs: 60_000, maxRetryMs: 60_000 },
  })
  await watched.until(() => watched.states.length > 0)
  await watched[Symbol.asyncDispose]()
  const busy = await watch()
  await busy.until(() => busy.reports.length > 0)
  busy.engine.script = () => true
  busy.engine.emit('start', formatId(3))
  await busy[Symbol.asyncDispose]()
})

test('asks what drives the networks of containers, again when there is a new one', async () => {
  const inNetwork = (name: string, network: string) => ({
    ...app(name),
    networks: { [network]: { IPAddress: '10.0.0.5', NetworkID: network } },
  })
  await using watched = await watch({
    prepare: ({ containers, networks }) => {
      containers.set(formatId(1), inNetwork('one', 'lan'))
      networks.push({ Name: 'lan', Driver: 'macvlan' })
    },
  })
  const findDriver = (name: string): string | undefined => watched.reports.at(-1)?.place.drivers?.get(name)
  await watched.until(() => findDriver('lan') === 'macvlan')
  watched.engine.requests.length = 0
  watched.engine.networks.push({ Name: 'web', Driver: 'bridge' })
  watched.engine.containers.set(formatId(2), inNetwork('two', 'web'))
  watched.engine.emit('start', formatId(2))
  await watched.until(() => findDriver('web') === 'bridge')
  assert.equal(watched.engine.requests.filter((request) => request === 'GET /networks').length, 1)
})
