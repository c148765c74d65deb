import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { ChunkCollector } from './chunk-collector.ts'
import {
  CROWDED_BYTES,
  FEW_ANSWERS,
  MAX_UNSENT_BYTES,
  STALLED_MS,
  UnsentBytes,
  type UnsentHold,
} from './unsent-bytes.ts'

const KIB = 1024

interface Scene {
  readonly unsent: UnsentBytes
  /** Names of the connections and answers that were ended. */
  readonly ended: string[]
  now: number
  open(connection: object, name?: string): UnsentHold
}

function makeScene(): Scene {
  const scene = { now: 1_000, ended: [] as string[] }
  const unsent = new UnsentBytes(new ChunkCollector(), () => scene.now)
  const open = (connection: object, name = ''): UnsentHold =>
    unsent.open({
      connection,
      endAnswer: () => void scene.ended.push(`answer ${name}`),
      endConnection: () => void scene.ended.push(`connection ${name}`),
    })
  return Object.assign(scene, { unsent, open })
}

/** Reads the next chunk for an answer. @returns its bytes. */
function read(hold: UnsentHold): number {
  const bytes = hold.chunkBytes()
  hold.add(bytes)
  return bytes
}

/** Fills the count up to the begin of a crowd with answers of connections that take nothing. */
function fill({ open, unsent }: Scene): void {
  while (unsent.bytes < CROWDED_BYTES) {
    const connection = {}
    for (let count = 0; count < 127; count++) open(connection, 'unread').admit(ignore)
    for (let count = 0; count < FEW_ANSWERS; count++) read(open(connection, 'unread'))
  }
}

test('`UnsentBytes` gives large chunks to a few answers, and small ones in a crowd', () => {
  const scene = makeScene()
  assert.equal(scene.open({}).chunkBytes(), 256 * KIB)
  fill(scene)
  assert.equal(scene.open({}).chunkBytes(), 4 * KIB)
})

test('`UnsentBytes` lets the answers of one connection share what it may hold', () => {
  const scene = makeScene()
  const connection = {}
  const sizes = Array.from({ length: 127 }, () => read(scene.open(connection)))
  assert.equal(sizes[0], 256 * KIB)
  assert.equal(sizes.at(-1), 16 * KIB)
  assert.ok(scene.unsent.bytes < 6 * KIB * KIB, `${scene.unsent.bytes}`)
  assert.ok(scene.open({}).chunkBytes() >= 64 * KIB, 'others hardly feel it')
})

test('`UnsentBytes` keeps a thousand slow readers within the bytes of a crowd and a small chunk for each', () => {
  const scene = makeScene()
  for (let count = 0; count < 1_000; count++) read(scene.open({}))
  assert.ok(scene.unsent.bytes < CROWDED_BYTES + 1_000 * 28 * KIB, `${scene.unsent.bytes}`)
  assert.deepEqual(scene.ended, [])
})

test('`UnsentBytes` adapts a chunk to how fast it is taken', () => {
  const scene = makeScene()
  const hold = scene.open({})
  for (let count = 0; count < 10; count++) read(scene.open({}))
  const first = read(hold)
  scene.now += 2_000
  hold.taken()
  assert.equal(read(hold), first / 2)
  scene.now += 10
  hold.taken()
  assert.equal(read(hold), first)
})

test('`UnsentBytes` counts nothing of what was sent, or closed', () => {
  const scene = makeScene()
  const [first, second] = [scene.open({}), scene.open({})]
  for (const hold of [first, second]) {
    hold.readsAhead(64 * KIB)
    hold.add(10)
    hold.add(20)
  }
  assert.equal(first.bytes, 24 * KIB + 64 * KIB + 30)
  first.taken()
  first.taken()
  assert.equal(scene.unsent.bytes, second.bytes)
  second.close()
  second.taken()
  second.add(7)
  assert.equal(scene.unsent.bytes, 0)
})

test('`UnsentBytes` begins few answers of a connection in a crowd, and the next when one is over', () => {
  const scene = makeScene()
  fill(scene)
  const connection = {}
  const begun: number[] = []
  const holds = Array.from({ length: 10 }, (_, at) => {
    const hold = scene.open(connection)
    hold.admit(() => void begun.push(at))
    return hold
  })
  assert.deepEqual(begun, [0, 1, 2, 3])
  holds[5]?.close()
  holds[1]?.close()
  assert.deepEqual(begun, [0, 1, 2, 3, 4])
  // It waits for an upstream, not for its reader.
  holds[0]?.waitForOthers()
  assert.deepEqual(begun, [0, 1, 2, 3, 4, 6])
})

test('`UnsentBytes` ends answers that are not taken while others of their connection wait', async () => {
  const scene = makeScene()
  fill(scene)
  const connection = {}
  let begun = 0
  const holds = Array.from({ length: 6 }, (_, at) => {
    const hold = scene.open(connection, String(at))
    hold.admit(() => begun++)
    return hold
  })
  for (const hold of holds.slice(0, FEW_ANSWERS)) read(hold)
  scene.now += STALLED_MS - 1
  scene.unsent.look()
  assert.deepEqual(scene.ended, [])
  // One goes on: it is no longer held up itself.
  holds[0]?.taken()
  read(holds[0] ?? assert.fail())
  scene.now += 2
  scene.unsent.look()
  while (begun < 6) await nextTurn()
  assert.deepEqual(
    scene.ended.slice().filter((name: string) => !name.includes('unread')),
    ['answer 1', 'answer 2', 'answer 3'],
  )
})

test('`UnsentBytes` ends a connection that takes nothing at all', () => {
  const scene = makeScene()
  fill(scene)
  const ended: unknown[] = []
  using _listener = scene.unsent.onEnded((each) => void ended.push(each))
  scene.now += STALLED_MS + 1
  scene.unsent.look()
  assert.ok(scene.unsent.bytes < CROWDED_BYTES)
  assert.ok(scene.ended.every((name) => name === 'connection unread'))
  assert.equal(ended.length, scene.ended.length)
})

test('`UnsentBytes` ends a crowd over several turns, so that others are served between', async () => {
  const scene = makeScene()
  fill(scene)
  // Each has 127 answers that wait, and none that makes progress.
  const connections = 10
  for (let count = 0; count < connections; count++) {
    const connection = {}
    for (let at = 0; at < 127; at++) scene.open(connection, 'unread').admit(ignore)
    read(scene.open(connection, 'unread'))
  }
  scene.now += STALLED_MS + 1
  scene.unsent.look()
  assert.equal(scene.ended.length, 1)
  while (scene.ended.length < connections) await nextTurn()
})

test('`UnsentBytes` never counts more than its bound: what holds most for longest is ended at once', () => {
  const scene = makeScene()
  const honest = scene.open({}, 'honest')
  for (let count = 0; count < 40_000; count++) {
    // Large chunks of a reader that takes them.
    honest.add(1024 * KIB)
    scene.open({}, 'slow').add(60 * KIB)
    scene.now += 1
    honest.taken()
    assert.ok(scene.unsent.bytes <= MAX_UNSENT_BYTES)
  }
  assert.ok(scene.ended.length > 0)
  assert.ok(!scene.ended.includes('connection honest'))
})

function ignore(): void {}
