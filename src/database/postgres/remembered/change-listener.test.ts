import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { pgbouncerSkipReason, startPgbouncer } from '../../../../test/support/database/pgbouncer.ts'
import {
  type PostgresServer,
  type PostgresTestDatabase,
  postgresSkipReason,
  startPostgresServer,
} from '../../../../test/support/database/postgres-server.ts'
import { openThings, type ThingsDatabase } from '../../../../test/support/database/things-database.ts'
import { startDeaf } from '../../../../test/support/machine/start-deaf.ts'
import { until } from '../../../../test/support/machine/until.ts'
import { RowMemory } from '../../row-memory.ts'
import type { PostgresTarget } from '../connection/postgres-target.ts'
import { ChangeListener, LISTENER_NAME, type ListenProblem } from './change-listener.ts'
import { MAX_UNCONFIRMED_MS, RememberedRows } from './remembered-rows.ts'

/** Most time to give an attempt to connect up, in ms; the driver's own limit is 5 s. */
const CLOSE_MS = 2_000
/** Changes of one row beside reads of it. */
const CHANGES = 100

describe('rows that a node remembers', { skip: postgresSkipReason() }, () => {
  let server: PostgresServer
  before(async () => {
    server = await startPostgresServer()
  })
  after(() => server[Symbol.asyncDispose]())

  it('are forgotten when another node changes something', async () => {
    await using pair = await openPair()
    const { node, other } = pair
    await node.isListening()
    assert.equal((await node.find('x'))?.size, 1)
    assert.ok(!(node.find('x') instanceof Promise), 'the row was not remembered')
    await other.setSize('x', 2)
    await until(async () => (await node.find('x'))?.size === 2)
  })

  it('are never older than the last notified change, however reads and changes fall together', async () => {
    await using pair = await openPair()
    const { node, other } = pair
    await node.isListening()
    let isDone = false
    const reading = Array.from({ length: 4 }, async () => {
      while (!isDone) {
        await node.find('x')
        await nextTurn()
      }
    })
    for (let size = 1; size <= CHANGES; size++) await other.setSize('x', size)
    // The clock stands still: a row that was remembered too late would stay.
    await until(async () => (await node.find('x'))?.size === CHANGES)
    isDone = true
    await Promise.all(reading)
    assert.equal((await node.find('x'))?.size, CHANGES)
  })

  it('are forgotten when the connection is cut, and notified again afterwards', async () => {
    await using pair = await openPair()
    const { node, other } = pair
    for (let size = 2; size < 5; size++) {
      await node.isListening()
      await node.find('x')
      await cutListeners()
      await node.hasProblem('cut-off')
      await other.setSize('x', size)
      assert.equal((await node.find('x'))?.size, size)
      await other.setSize('x', size + 10)
      await node.isListening()
      assert.equal((await node.find('x'))?.size, size + 10)
    }
  })

  it('are missed only until another node adds them, and always without the choice to remember that', async () => {
    await using pair = await openPair()
    const { node, other } = pair
    await node.isListening()
    assert.equal(await node.find('y'), undefined)
    assert.ok(node.find('y') instanceof Promise, 'a missing row was remembered without the choice')
    await remembersMissing(node, 'y')
    await other.add({ name: 'y', size: 7 })
    assert.equal((await node.find('y'))?.size, 7)
    await until(async () => (await node.findOrMiss('y'))?.size === 7)
    await remembersMissing(node, 'z')
    await cutListeners()
    await node.hasProblem('cut-off')
    await other.add({ name: 'z', size: 8 })
    assert.equal((await node.findOrMiss('z'))?.size, 8)
  })

  it('are missed for a short time where a node cannot listen', async () => {
    await using pair = await openPair({ listen: { host: '127.0.0.1', port: 1 } })
    const { node, other, clock } = pair
    await node.find('x')
    await node.hasProblem('cut-off')
    await remembersMissing(node, 'y')
    await other.add({ name: 'y', size: 7 })
    clock.now += MAX_UNCONFIRMED_MS
    assert.equal((await node.findOrMiss('y'))?.size, 7)
  })

  it('are remembered for a short time where a node cannot listen', async () => {
    await using pair = await openPair({ listen: { host: '127.0.0.1', port: 1 } })
    const { node, other, clock } = pair
    await node.find('x')
    await node.hasProblem('cut-off')
    await assertBounded({ node, other, clock })
  })

  it('are remembered for a short time behind a pooler, which listening does not work through', {
    skip: pgbouncerSkipReason(),
  }, async () => {
    await using pooler = await startPgbouncer(server)
    await using pair = await openPair({ port: pooler.port })
    await pair.node.find('x')
    await pair.node.hasProblem('pooler')
    await assertBounded(pair)
  })

  it('are forgotten when another node changes something, behind a pooler that is listened past', {
    skip: pgbouncerSkipReason(),
  }, async () => {
    await using pooler = await startPgbouncer(server)
    const listen = { host: '127.0.0.1', port: server.port }
    await using pair = await openPair({ port: pooler.port, listen })
    const { node, other } = pair
    await node.isListening()
    await node.find('x')
    await other.setSize('x', 2)
    await until(async () => (await node.find('x'))?.size === 2)
  })

  it('are remembered for a short time where nobody listens', async () => {
    await using pair = await openPair({ listen: 'off' })
    await assertBounded(pair)
  })

  it('are remembered for a short time where the listener hears another server', async () => {
    await using elsewhere = await startPostgresServer({ password: server.password })
    const database = await server.createDatabase()
    await elsewhere.query(`create database ${database.name}`)
    await using pair = await openPair({ listen: { host: '127.0.0.1', port: elsewhere.port } }, database)
    await pair.node.find('x')
    await pair.node.hasProblem('other-server')
    await assertBounded(pair)
  })

  /** Two nodes of one database with the row x; the first one's clock stands still unless it is moved. */
  async function openPair(
    more: Partial<PostgresTarget> = {},
    database?: PostgresTestDatabase,
  ): Promise<Pair> {
    const { target } = database ?? (await server.createDatabase())
    await using resources = new AsyncDisposableStack()
    const clock = { now: 0 }
    const listening: { problem: ListenProblem | 'unknown' | undefined } = { problem: 'unknown' }
    const onListening = (problem: ListenProblem | undefined): void => {
      listening.problem = problem
    }
    const node = resources.use(
      await openThings({ ...target, ...more }, { now: () => clock.now, onListening }),
    )
    const other = resources.use(await openThings(target))
    await other.add({ name: 'x', size: 1 })
    const kept = resources.move()
    return {
      node: {
        ...node,
        async isListening() {
          node.db.changes()
          await until(() => listening.problem === undefined)
        },
        hasProblem: (reason) => until(() => listening.problem === reason),
      },
      other,
      clock,
      [Symbol.asyncDispose]: () => kept.disposeAsync(),
    }
  }

  async function cutListeners(): Promise<void> {
    await server.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = '${LISTENER_NAME}'`,
    )
  }
})

describe('ChangeListener', () => {
  it('ends at once while it connects, whatever the server does', async () => {
    await using deaf = await startDeaf()
    await using silent = await startSilent('')
    await using tls = await startSilent('S')
    for (const [port, mode] of [
      [deaf.port, 'disable'],
      [silent.port, 'disable'],
      [silent.port, 'require'],
      [tls.port, 'require'],
    ] as const) {
      const listener = new ChangeListener({
        target: { host: '127.0.0.1', port, user: 'berth', name: 'berth', tls: mode },
        rows: new RememberedRows(new RowMemory(), () => performance.now()),
        sender: '0',
        run: async () => undefined,
        onListening: (problem) => assert.fail(`it reports ${problem}`),
        now: () => performance.now(),
      })
      listener.keepListening()
      if (port !== deaf.port) await (port === tls.port ? tls : silent).reached()
      const before = performance.now()
      await listener.close()
      assert.ok(performance.now() - before < CLOSE_MS, `port ${port}, TLS ${mode}`)
    }
  })
})

/** A server that answers the first bytes of a connection with some, and then nothing. */
async function startSilent(answer: string) {
  let reach = Promise.withResolvers<void>()
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => {
      socket.write(answer)
      reach.resolve()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    /** The next connection has sent something. */
    async reached() {
      await reach.promise
      reach = Promise.withResolvers()
    },
    async [Symbol.asyncDispose]() {
      server.close()
      await once(server, 'close')
    },
  }
}

interface Pair extends AsyncDisposable {
  readonly node: ThingsDatabase & {
    isListening(): Promise<void>
    hasProblem(reason: ListenProblem): Promise<void>
  }
  readonly other: ThingsDatabase
  readonly clock: { now: number }
}

async function assertBounded({ node, other, clock }: Pick<Pair, 'node' | 'other' | 'clock'>): Promise<void> {
  const before = (await node.find('x'))?.size ?? 0
  assert.ok(!(node.find('x') instanceof Promise), 'the row was not remembered')
  await other.setSize('x', before + 1)
  clock.now += MAX_UNCONFIRMED_MS
  assert.equal((await node.find('x'))?.size, before + 1)
}

/** Misses a row, and again without the server. */
async function remembersMissing(
  { findOrMiss }: Pick<ThingsDatabase, 'findOrMiss'>,
  name: string,
): Promise<void> {
  // A row that arrives after any change is not remembered.
  await until(async () => {
    assert.equal(await findOrMiss(name), undefined)
    return !(findOrMiss(name) instanceof Promise)
  })
}
