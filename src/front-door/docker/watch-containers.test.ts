import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { idOf, type ScriptedEngine, startScriptedEngine } from '../../../test/support/scripted-engine.ts'
import type { ContainerFacts } from './container-facts.ts'
import { createDockerClient } from './docker-client.ts'
import type { OwnPlace, OwnTraces } from './own-networks.ts'
import { ContainerWatch, type WatchTimes } from './watch-containers.ts'

/** Longest wait for something that must come, in ms. */
const PATIENCE_MS = 5_000
const QUICK: WatchTimes = {
  settleMs: 20,
  maxSettleMs: 60,
  pollMs: 60_000,
  minRetryMs: 20,
  maxRetryMs: 40,
  patienceMs: 200,
}
const ON_NO_CONTAINER: OwnTraces = { isContained: false, ids: [] }

interface Watched extends AsyncDisposable {
  readonly engine: ScriptedEngine
  readonly tellings: { readonly containers: readonly ContainerFacts[]; readonly place: OwnPlace }[]
  readonly states: string[]
  readonly logs: Record<string, unknown>[]
  /** Settles once what was told, or said, is so. */
  until(isSo: () => boolean): Promise<void>
  names(): string[]
}

interface Setting {
  readonly times?: Partial<WatchTimes>
  readonly traces?: OwnTraces
  readonly prepare?: (engine: ScriptedEngine) => void | Promise<void>
}

async function watch({ times, traces, prepare }: Setting = {}): Promise<Watched> {
  await using resources = new AsyncDisposableStack()
  const engine = resources.use(await startScriptedEngine())
  await prepare?.(engine)
  const tellings: Watched['tellings'] = []
  const states: string[] = []
  const logs: Record<string, unknown>[] = []
  let wake = Promise.withResolvers<void>()
  const changed = (): void => {
    wake.resolve()
    wake = Promise.withResolvers()
  }
  const logger = pino({ level: 'info' }, { write: (line) => void logs.push(JSON.parse(line)) })
  resources.use(
    new ContainerWatch({
      client: createDockerClient(engine.url, undefined),
      logger,
      onContainers: (containers, place) => {
        tellings.push({ containers, place })
        changed()
      },
      onState: (state) => {
        states.push(state)
        changed()
      },
      ownTraces: traces ?? ON_NO_CONTAINER,
      times: { ...QUICK, ...times },
    }),
  )
  const kept = resources.move()
  return {
    engine,
    tellings,
    states,
    logs,
    names: () => (tellings.at(-1)?.containers ?? []).map(({ name }) => name).sort(),
    async until(isSo) {
      const deadline = Date.now() + PATIENCE_MS
      while (!isSo()) {
        assert.ok(
          Date.now() < deadline,
          `it did not come about: ${JSON.stringify([tellings.at(-1), states, logs])}`,
        )
        await Promise.race([wake.promise, sleep(20)])
      }
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

const app = (name: string): { name: string; env: string[] } => ({
  name,
  env: [`VIRTUAL_HOST=${name}.example.com`],
})

test('subscribes to events before it lists', async () => {
  await using watched = await watch({ prepare: ({ containers }) => void containers.set(idOf(1), app('app')) })
  await watched.until(() => watched.tellings.length > 0)
  const order = watched.engine.requests.map((request) => request.replace(/\?.*/, ''))
  assert.deepEqual(order, [
    'GET /events',
    'GET /version',
    'GET /containers/json',
    `GET /containers/${idOf(1)}/json`,
  ])
  assert.match(watched.engine.requests[0] ?? '', /"start".*"health_status"/)
  assert.deepEqual(watched.names(), ['app'])
  assert.deepEqual(watched.states, [`The Docker engine 99.1 at ${watched.engine.url} is watched`])
})

test('looks only at the container that an event is about', async () => {
  await using watched = await watch({
    prepare: ({ containers }) => {
      for (let index = 0; index < 50; index++) containers.set(idOf(index), app(`app${index}`))
    },
  })
  await watched.until(() => watched.names().length === 50)
  watched.engine.requests.length = 0
  watched.engine.containers.set(idOf(7), { ...app('app7'), state: 'exited' })
  watched.engine.emit('die', idOf(7))
  await watched.until(
    () => watched.tellings.at(-1)?.containers.some(({ state }) => state === 'stopped') === true,
  )
  assert.deepEqual(watched.engine.requests, [`GET /containers/${idOf(7)}/json`])
})

test('tells once of many events, and not at all of containers without a host', async () => {
  await using watched = await watch({ times: { settleMs: 60, maxSettleMs: 400 } })
  await watched.until(() => watched.tellings.length === 1)
  for (let index = 0; index < 20; index++) {
    watched.engine.containers.set(idOf(index), app(`app${index}`))
    watched.engine.emit('start', idOf(index))
  }
  await watched.until(() => watched.names().length === 20)
  assert.equal(watched.tellings.length, 2)
  watched.engine.containers.set(idOf(90), { name: 'job', env: ['SECRET=x'] })
  watched.engine.emit('start', idOf(90))
  watched.engine.containers.set(idOf(91), app('last'))
  watched.engine.emit('start', idOf(91))
  await watched.until(() => watched.names().includes('last'))
  assert.equal(watched.names().includes('job'), false)
  watched.engine.requests.length = 0
  watched.engine.emit('die', idOf(90))
  watched.engine.emit('die', idOf(91))
  await watched.until(() => watched.engine.requests.length > 0)
  assert.deepEqual(watched.engine.requests, [`GET /containers/${idOf(91)}/json`])
})

test('events that never pause put looking off no longer than the longest settling time', async () => {
  await using watched = await watch({ times: { settleMs: 50, maxSettleMs: 150 } })
  await watched.until(() => watched.tellings.length === 1)
  watched.engine.containers.set(idOf(1), app('app'))
  let isDone = false
  const noise = (async () => {
    while (!isDone) {
      watched.engine.emit('start', idOf(1))
      await sleep(10)
    }
  })()
  await watched.until(() => watched.names().length === 1)
  isDone = true
  await noise
})

test('a container that is removed is gone without another question', async () => {
  await using watched = await watch({ prepare: ({ containers }) => void containers.set(idOf(1), app('app')) })
  await watched.until(() => watched.names().length === 1)
  watched.engine.containers.delete(idOf(1))
  watched.engine.emit('destroy', idOf(1))
  await watched.until(() => watched.names().length === 0)
})

test('the last state stays while the engine is away; what happened meanwhile is found after', async () => {
  await using watched = await watch({ prepare: ({ containers }) => void containers.set(idOf(1), app('old')) })
  await watched.until(() => watched.names().includes('old'))
  const before = watched.tellings.length
  await watched.engine.stop()
  await watched.until(() => watched.states.at(-1)?.includes('cannot be read from') === true)
  await sleep(150)
  assert.equal(watched.tellings.length, before, 'nothing is told while it is away')
  const warnings = watched.logs.filter(({ level }) => level === 'warn' || level === 40)
  assert.equal(warnings.length, 1, 'it is said once')
  watched.engine.containers.delete(idOf(1))
  watched.engine.containers.set(idOf(2), app('new'))
  await watched.engine.start()
  await watched.until(() => watched.names().join() === 'new')
  assert.match(watched.states.at(-1) ?? '', /is watched$/)
})

test('an engine that ends idle streams is subscribed to again, without a word', async () => {
  await using watched = await watch({ prepare: ({ containers }) => void containers.set(idOf(1), app('app')) })
  await watched.until(() => watched.names().length === 1)
  const again = watched.engine.nextStream()
  for (const stream of watched.engine.streams) stream.end()
  await again
  watched.engine.containers.set(idOf(2), app('later'))
  await watched.until(() => watched.engine.streams.size === 1)
  watched.engine.emit('start', idOf(2))
  await watched.until(() => watched.names().length === 2)
  assert.deepEqual(
    watched.logs.filter(({ level }) => level !== 'debug'),
    [],
  )
})

test('garbage among events costs a list and nothing else', async () => {
  await using watched = await watch()
  await watched.until(() => watched.tellings.length === 1)
  watched.engine.containers.set(idOf(1), app('app'))
  watched.engine.emitRaw('{"Type":"container",\n')
  await watched.until(() => watched.names().length === 1)
  assert.equal(watched.engine.streams.size, 1, 'the stream is kept')
})

test('an event that is too long is skipped, and what it was about is found by a list', async () => {
  await using watched = await watch()
  await watched.until(() => watched.tellings.length === 1)
  watched.engine.containers.set(idOf(1), app('app'))
  watched.engine.emitRaw(`{"Type":"container","Actor":{"ID":"${idOf(1)}","Attributes":{"label":"`)
  for (let index = 0; index < 40; index++) watched.engine.emitRaw('x'.repeat(64 * 1024))
  watched.engine.emitRaw('"}}}\n')
  await watched.until(() => watched.names().length === 1)
})

test('a stream of nothing but garbage is given up, and tried again', async () => {
  await using watched = await watch()
  await watched.until(() => watched.tellings.length === 1)
  const again = watched.engine.nextStream()
  watched.engine.emitRaw('no json\n'.repeat(200))
  await again
})

for (const [name, event] of [
  ['events of volumes', { Type: 'volume', Action: 'create', Actor: { ID: idOf(1) } }],
  ['events without an id', { Type: 'container', Action: 'start' }],
  ['events that are no objects', 7],
  [
    'events about ids that would be other paths',
    { Type: 'container', Action: 'start', Actor: { ID: '../../x' } },
  ],
] as const) {
  test(`${name} change nothing`, async () => {
    await using watched = await watch()
    await watched.until(() => watched.tellings.length === 1)
    watched.engine.requests.length = 0
    watched.engine.emitRaw(`${JSON.stringify(event)}\n`)
    watched.engine.containers.set(idOf(2), app('app'))
    watched.engine.emit('start', idOf(2))
    await watched.until(() => watched.names().length === 1)
    assert.deepEqual(watched.engine.requests, [`GET /containers/${idOf(2)}/json`])
  })
}

test('a container that the engine cannot answer about keeps the others waiting no longer than its patience', async () => {
  await using watched = await watch({
    prepare: ({ containers }) => void containers.set(idOf(1), app('stuck')),
  })
  await watched.until(() => watched.names().length === 1)
  const { engine } = watched
  engine.script = (request) => request.url?.includes(idOf(1)) === true
  engine.containers.set(idOf(2), app('app'))
  engine.emit('start', idOf(1))
  engine.emit('start', idOf(2))
  await watched.until(() => watched.names().length === 2)
  assert.deepEqual(watched.names(), ['app', 'stuck'])
})

test('a container that cannot be read stays as it was, and is looked at again with the next list', async () => {
  await using watched = await watch({
    times: { pollMs: 100 },
    prepare: ({ containers }) => void containers.set(idOf(1), app('app')),
  })
  await watched.until(() => watched.names().length === 1)
  const { engine } = watched
  engine.script = (request, response) => {
    if (!request.url?.includes(idOf(1))) return false
    engine.script = undefined
    response.writeHead(500).end('{}')
    return true
  }
  engine.containers.set(idOf(1), { ...app('app'), state: 'exited' })
  engine.emit('die', idOf(1))
  await watched.until(() => watched.tellings.at(-1)?.containers[0]?.state === 'stopped')
  assert.equal(
    watched.tellings.some(({ containers }) => containers.length === 0),
    false,
    'it was never dropped',
  )
})

test('the safety poll finds what no event told of, with one question if there is nothing', async () => {
  await using watched = await watch({
    times: { pollMs: 80 },
    prepare: ({ containers }) => void containers.set(idOf(1), app('app')),
  })
  await watched.until(() => watched.names().length === 1)
  watched.engine.requests.length = 0
  await watched.until(() => watched.engine.requests.length >= 2)
  assert.deepEqual([...new Set(watched.engine.requests)], ['GET /containers/json?all=1'])
  watched.engine.containers.set(idOf(1), { ...app('app'), state: 'paused' })
  await watched.until(() => watched.tellings.at(-1)?.containers[0]?.state === 'paused')
})

test('an idle connection that was closed is no reason to leave: the list is asked for again', async () => {
  await using watched = await watch({ times: { pollMs: 50 } })
  await watched.until(() => watched.tellings.length === 1)
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
  await watched.until(() => watched.tellings.length === 1)
  const again = watched.engine.nextStream()
  watched.engine.script = (request, response) => {
    if (!request.url?.startsWith('/containers/json')) return false
    response.writeHead(200, { 'content-length': '1000' })
    response.write('[{', () => response.destroy())
    return true
  }
  await again
})

test('what is no engine is said to be none', async () => {
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
  assert.equal(watched.tellings.length, 0)
})

test('no engine at all is said once', async () => {
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
      engine.containers.set(idOf(1), app('app'))
      engine.script = (request) => request.url?.startsWith('/events') === true
    },
  })
  await watched.until(() => watched.names().length === 1)
})

test("Berth's own networks are those of its container, with the way to the host", async () => {
  const networks = {
    inner: { NetworkID: 'n1', IPAddress: '10.1.0.2', Gateway: '10.1.0.1' },
    web: { NetworkID: 'n2', IPAddress: '10.2.0.2', Gateway: '10.2.0.1' },
  }
  await using watched = await watch({
    traces: { isContained: true, ids: [idOf(9)] },
    prepare: (engine) => {
      engine.containers.set(idOf(9), { name: 'berth', networks })
      engine.networks.push({ Name: 'inner', Internal: true }, { Name: 'web', Internal: false })
    },
  })
  await watched.until(() => watched.tellings.length > 0)
  assert.deepEqual(watched.tellings.at(-1)?.place, {
    isHost: false,
    networks: [
      { name: 'inner', id: 'n1' },
      { name: 'web', id: 'n2' },
    ],
    gateway: '10.2.0.1',
  })
  watched.engine.containers.set(idOf(9), { name: 'berth', networks: { web: networks.web } })
  watched.engine.emitRaw(
    `${JSON.stringify({ Type: 'network', Action: 'disconnect', Actor: { ID: 'n1', Attributes: { container: idOf(9) } } })}\n`,
  )
  await watched.until(() => watched.tellings.at(-1)?.place.networks.length === 1)
})

test('a socket proxy that hides networks is no reason to stop', async () => {
  await using watched = await watch({
    traces: { isContained: true, ids: [idOf(9)] },
    prepare: (engine) => {
      engine.containers.set(idOf(9), {
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
  await watched.until(() => watched.tellings.length > 0)
  assert.equal(watched.tellings.at(-1)?.place.gateway, '10.2.0.1')
})

test('ends at once, in whatever state it is', async () => {
  const watched = await watch({
    prepare: (engine) => engine.stop(),
    times: { minRetryMs: 60_000, maxRetryMs: 60_000 },
  })
  await watched.until(() => watched.states.length > 0)
  await watched[Symbol.asyncDispose]()
  const busy = await watch()
  await busy.until(() => busy.tellings.length > 0)
  busy.engine.script = () => true
  busy.engine.emit('start', idOf(3))
  await busy[Symbol.asyncDispose]()
})
