import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { sendRaw } from '../../../test/protocol/connection.ts'
import { openTestLoneDoor } from '../../../test/support/door/lone-door.ts'
import { BAD_REQUESTS } from '../../../test/support/requests/bad-requests.ts'

async function start(options: { headersTimeoutMs?: number } = {}) {
  const listener = await openTestLoneDoor((request, response) => {
    if (request.url === '/begun') {
      response.writeHead(200, { 'content-length': 10 })
      response.write('12345')
      return
    }
    if (request.url === '/soon') {
      setTimeout(() => response.end('later'), 50)
      return
    }
    if (request.url === '/refused') {
      response.writeHead(401, { 'content-length': 0 }).end()
      request.resume()
      return
    }
    request.resume().on('end', () => response.end('taken'))
  }, options)
  return { url: listener.url, [Symbol.asyncDispose]: () => listener.stop(AbortSignal.abort()) }
}

for (const [name, [request, status]] of Object.entries(BAD_REQUESTS)) {
  test(`\`listen()\` answers ${name} with ${status} and closes`, async () => {
    await using server = await start()
    const { text, isClosed } = await sendRaw(server.url, request)
    assert.match(text, new RegExp(`^HTTP/1.1 ${status} `))
    assert.match(text, /\r\n\r\n./, 'it has a body')
    assert.equal(text.match(/HTTP\/1\.1/g)?.length, 1, text)
    assert.ok(!text.includes('taken'))
    assert.ok(isClosed)
  })
}

test('a lone door answers all that came before what cannot be read', async () => {
  await using server = await start()
  const soon = 'GET /soon HTTP/1.1\r\nHost: x\r\n\r\n'
  const { text, isClosed } = await sendRaw(server.url, `${soon.repeat(3)}no request\r\n\r\n`)
  assert.equal(text.match(/HTTP\/1\.1 200 /g)?.length, 3, text)
  assert.equal(text.match(/later/g)?.length, 3)
  assert.ok(isClosed)
  // A break in the middle of its body ends all: an answer could not come between those before it.
  const cut = `${soon}POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nno length\r\n`
  const broken = await sendRaw(server.url, cut)
  assert.doesNotMatch(broken.text, /400/)
  assert.ok(broken.isClosed)
})

test('a lone door asks for a body that is held back when it is read, and not for one that is refused', async () => {
  await using server = await start()
  const { hostname, port } = new URL(server.url)
  const requestPath = async (path: string): Promise<string> => {
    const client = connect(Number(port), hostname)
    const head = 'Host: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n'
    client.write(`PUT ${path} HTTP/1.1\r\n${head}`)
    let text = ''
    client.on('data', (chunk) => {
      if (text === '' && String(chunk).startsWith('HTTP/1.1 100 ')) client.write('abc')
      text += chunk
    })
    await once(client, 'close')
    return text
  }
  assert.match(await requestPath('/taken'), /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /)
  assert.match(await requestPath('/refused'), /^HTTP\/1\.1 401 /)
})

test('a lone door closes a connection whose headers come too slowly', async () => {
  await using server = await start({ headersTimeoutMs: 200 })
  const { text, isClosed } = await sendRaw(server.url, 'GET / HTTP/1.1\r\nHost: x\r\nA: b')
  assert.match(text, /^HTTP\/1.1 408 /)
  assert.ok(isClosed)
})

test('a lone door never answers before a request that was right', async () => {
  await using server = await start()
  const { text, isClosed } = await sendRaw(
    server.url,
    'GET /soon HTTP/1.1\r\nHost: x\r\n\r\nno request\r\n\r\n',
  )
  assert.match(text, /^HTTP\/1\.1 200 .*later/s)
  assert.ok(!text.includes('REQUEST_INVALID'), text)
  assert.ok(isClosed)
})

test('a lone door refuses two hosts, even the same twice', async () => {
  await using server = await start()
  for (const second of ['x', 'y']) {
    const { text, isClosed } = await sendRaw(
      server.url,
      `GET / HTTP/1.1\r\nHost: x\r\nhost: ${second}\r\n\r\n`,
    )
    assert.match(text, /^HTTP\/1\.1 400 .*REQUEST_INVALID/s)
    assert.ok(isClosed)
  }
})

test('a lone door refuses two log-ins, even the same twice', async () => {
  await using server = await start()
  const first = 'GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YTpi\r\nAccept: */*\r\n'
  for (const second of ['Basic YTpi', 'Bearer x', '']) {
    const { text, isClosed } = await sendRaw(server.url, `${first}AUTHORIZATION: ${second}\r\n\r\n`)
    assert.match(text, /^HTTP\/1\.1 400 .*REQUEST_INVALID/s)
    assert.ok(isClosed)
  }
})

test('a lone door never puts its own answer into the body of another', async () => {
  await using server = await start()
  const { text, isClosed } = await sendRaw(
    server.url,
    'GET /begun HTTP/1.1\r\nHost: x\r\n\r\nno request\r\n\r\n',
  )
  assert.ok(isClosed)
  assert.ok(!text.includes('REQUEST_INVALID'), text)
})
