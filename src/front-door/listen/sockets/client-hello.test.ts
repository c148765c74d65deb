import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'node:test'
import { type ConnectionOptions, connect } from 'node:tls'
import { FUZZ_SHARE } from '../../../../test/support/content/fuzz-share.ts'
import { SeededRandom } from '../../../../test/support/content/seeded-random.ts'
import { MAX_CLIENT_HELLO_BYTES, readClientHello } from './client-hello.ts'

/** The first bytes that Node's own client sends. */
async function captureHello(options: ConnectionOptions): Promise<Buffer> {
  await using server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const client = connect({ port, host: '127.0.0.1', ...options })
  client.on('error', () => undefined)
  const [socket] = await once(server, 'connection')
  const [bytes] = await once(socket, 'data')
  socket.destroy()
  client.destroy()
  return bytes
}

const HELLO = await captureHello({ servername: 'App.Example.com', ALPNProtocols: ['h2', 'http/1.1'] })
const BODY = HELLO.subarray(5)

function toRecords(body: Buffer, ...lengths: readonly number[]): Buffer {
  const parts: Buffer[] = []
  let offset = 0
  for (const length of [...lengths, body.length]) {
    const part = body.subarray(offset, offset + length)
    offset += part.length
    if (part.length > 0) parts.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part)
  }
  return Buffer.concat(parts)
}

/** A hello with these extensions, by type. */
function makeHello(extensions: readonly (readonly [type: number, content: Buffer])[]): Buffer {
  const list = Buffer.concat(
    extensions.map(([type, content]) => Buffer.concat([uint16(type), uint16(content.length), content])),
  )
  const fixed = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    Buffer.from([0, 0, 2, 0x13, 1, 1, 0]),
  ])
  const body = Buffer.concat([fixed, uint16(list.length), list])
  return toRecords(Buffer.concat([Buffer.from([1, 0]), uint16(body.length), body]))
}

function uint16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 255])
}

function nameList(...names: readonly (readonly [type: number, name: string])[]): Buffer {
  const list = Buffer.concat(
    names.map(([type, name]) =>
      Buffer.concat([Buffer.from([type]), uint16(name.length), Buffer.from(name, 'latin1')]),
    ),
  )
  return Buffer.concat([uint16(list.length), list])
}

const EXPECTED = {
  kind: 'hello',
  serverName: 'app.example.com',
  protocols: ['h2', 'http/1.1'],
  supportsTls13: true,
} as const

test('`readClientHello()` reads name, protocols and version of a real client', async () => {
  assert.deepEqual(readClientHello(HELLO), EXPECTED)
  const old = await captureHello({ maxVersion: 'TLSv1.2' })
  assert.deepEqual(readClientHello(old), {
    kind: 'hello',
    serverName: undefined,
    protocols: [],
    supportsTls13: false,
  })
})

test('`readClientHello()` waits for every byte of a hello, and needs none behind it', () => {
  for (let length = 0; length < HELLO.length; length++) {
    assert.equal(readClientHello(HELLO.subarray(0, length)).kind, 'incomplete', `${length} bytes`)
  }
  // Early data, whatever is in it, and half a record of it.
  for (const more of [[23, 3, 3, 0, 1, 0], [23], [0, 0, 0, 0, 0, 0]]) {
    assert.deepEqual(readClientHello(Buffer.concat([HELLO, Buffer.from(more)])), EXPECTED)
  }
})

test('`readClientHello()` joins a hello that was cut into records anywhere', () => {
  for (let length = 1; length < BODY.length; length++) {
    const bytes = toRecords(BODY, length)
    assert.deepEqual(readClientHello(bytes), EXPECTED)
    assert.equal(readClientHello(bytes.subarray(0, -1)).kind, 'incomplete')
  }
  assert.deepEqual(readClientHello(toRecords(BODY, 1, 2, 3, 4, 5, 6, 7, 8, 9)), EXPECTED)
})

test('`readClientHello()` refuses a hello of very many records', () => {
  const ones = Array.from({ length: BODY.length }, () => 1)
  assert.equal(readClientHello(toRecords(BODY, ...ones)).kind, 'malformed')
})

test('`readClientHello()` passes over GREASE and Encrypted ClientHello, whose outer name counts', () => {
  const alpn = Buffer.concat([uint16(6), Buffer.from([2, 0x0a, 0x0a, 2]), Buffer.from('h2')])
  const hello = makeHello([
    [0x0a0a, Buffer.alloc(0)],
    [0, nameList([0, 'outer.example'])],
    [0xfe0d, Buffer.alloc(200, 1)],
    [16, alpn],
    [43, Buffer.from([4, 0x1a, 0x1a, 3, 4])],
    [0xfafa, Buffer.from([0])],
  ])
  assert.deepEqual(readClientHello(hello), {
    kind: 'hello',
    serverName: 'outer.example',
    protocols: ['\n\n', 'h2'],
    supportsTls13: true,
  })
})

const BAD_NAMES: Readonly<Record<string, Buffer>> = {
  'an empty list': Buffer.from([0, 0]),
  'an empty name': nameList([0, '']),
  'a name with a NUL': nameList([0, 'a.example\0.evil']),
  'a name with a slash': nameList([0, 'a/b']),
  'a name beyond ASCII': nameList([0, 'b\xfccher.example']),
  'a name that is too long': nameList([0, `${'a.'.repeat(127)}example`]),
  'two names': nameList([0, 'a.example'], [0, 'b.example']),
  'a name of another type': nameList([1, 'a.example']),
  'a name longer than its list': Buffer.from([0, 4, 0, 0, 9, 97]),
}
for (const [what, content] of Object.entries(BAD_NAMES)) {
  test(`\`readClientHello()\` refuses ${what}`, () => {
    assert.equal(readClientHello(makeHello([[0, content]])).kind, 'malformed')
  })
}

test('`readClientHello()` refuses two extensions of a kind', () => {
  const name = nameList([0, 'a.example'])
  assert.equal(
    readClientHello(
      makeHello([
        [0, name],
        [0, name],
      ]),
    ).kind,
    'malformed',
  )
})

test('`readClientHello()` refuses what is too large, or is another message', () => {
  const large = makeHello([[99, Buffer.alloc(MAX_CLIENT_HELLO_BYTES)]])
  assert.equal(readClientHello(large.subarray(0, 9)).kind, 'malformed')
  assert.equal(readClientHello(Buffer.from([22, 3, 1, 0, 1, 2])).kind, 'malformed')
  assert.equal(readClientHello(Buffer.from([22, 3, 1, 0, 0])).kind, 'malformed')
})

test('`readClientHello()` tells plain HTTP from other protocols at the first byte', () => {
  assert.deepEqual(readClientHello(Buffer.from('GET / HTTP/1.1\r\n')), { kind: 'not-tls', isHttp: true })
  assert.deepEqual(readClientHello(Buffer.from('SSH-2.0-x\r\n')), { kind: 'not-tls', isHttp: false })
  assert.equal(readClientHello(Buffer.from([0x80, 0x2e, 1])).kind, 'not-tls')
})

test('`readClientHello()` answers any bytes, and does not change its mind when more come', () => {
  const random = new SeededRandom('client-hello')
  for (let round = 0; round < 20_000 * FUZZ_SHARE; round++) {
    const bytes = Buffer.from(HELLO)
    for (let edit = random.between(1, 6); edit > 0; edit--) {
      bytes[random.between(0, bytes.length - 1)] = random.between(0, 255)
    }
    const cut = bytes.subarray(0, random.between(0, bytes.length))
    const early = readClientHello(cut)
    const late = readClientHello(bytes)
    assert.ok(['incomplete', 'not-tls', 'malformed', 'hello'].includes(late.kind))
    if (early.kind === 'hello') assert.deepEqual(late, early)
    if (early.kind === 'malformed') assert.equal(late.kind, 'malformed')
  }
})
