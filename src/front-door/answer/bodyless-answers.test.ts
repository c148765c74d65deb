import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exchange, get, openProxyRoom, startScriptedUpstream } from '../../../test/support/door/proxy-room.ts'

test('an answer that ends with its head is passed on, whatever length it says', async () => {
  const answers = [
    'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 300\r\n\r\n',
    'HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n',
    'HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n',
  ]
  for (const text of answers) {
    await using upstream = await startScriptedUpstream((socket) => socket.write(text))
    await using room = await openProxyRoom({ ports: [upstream.port] })
    const answer = await exchange(room.port, get('/a', 'Connection: close'))
    assert.equal(answer.text.slice(0, 12), text.slice(0, 12), text)
    assert.ok(answer.ended, 'the connection goes on')
  }
})

test('an answer of 204 never says a length', async () => {
  await using upstream = await startScriptedUpstream((socket) =>
    socket.write('HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n'),
  )
  await using room = await openProxyRoom({ ports: [upstream.port] })
  const { text } = await exchange(room.port, get('/a', 'Connection: close'))
  assert.match(text, /^HTTP\/1\.1 204 /)
  assert.doesNotMatch(text, /content-length/i)
})

test('a 401 that a page takes the place of keeps what it asks for', async () => {
  await using upstream = await startScriptedUpstream((socket) =>
    socket.write(
      'HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="a"\r\nWWW-Authenticate: Bearer\r\nContent-Length: 0\r\n\r\n',
    ),
  )
  const vhost =
    'proxy_intercept_errors on; error_page 401 /log-in; location = /log-in { return 200 "log in"; }'
  await using room = await openProxyRoom({ ports: [upstream.port], vhost })
  const { text } = await exchange(room.port, get('/a', 'Connection: close'))
  assert.match(text, /^HTTP\/1\.1 401 /)
  assert.deepEqual(text.match(/^www-authenticate: .*$/gim), [
    'www-authenticate: Basic realm="a"',
    'www-authenticate: Bearer',
  ])
})

test('what a location adds to a page takes the place of what Berth would send', async () => {
  const vhost = `location = /later { add_header Retry-After 120 always; return 503; }
    location = /kind { add_header X-Content-Type-Options nosniff; return 301 /b; }
    location = /cors { add_header Content-Type 'text/plain; charset=utf-8'; return 204; }`
  await using room = await openProxyRoom({ vhost })
  for (const [path, name, value] of [
    ['/later', 'retry-after', '120'],
    ['/kind', 'x-content-type-options', 'nosniff'],
    ['/cors', 'content-type', 'text/plain; charset=utf-8'],
  ] as const) {
    const { text } = await exchange(room.port, get(path, 'Connection: close'))
    const lines = text.split('\r\n').filter((line) => line.toLowerCase().startsWith(`${name}: `))
    assert.deepEqual(
      lines.map((line) => line.slice(name.length + 2)),
      [value],
      path,
    )
  }
})

test('an answer that could be compressed says so to caches, sent plain, too', async () => {
  const vhost = 'gzip on; gzip_types text/plain; gzip_min_length 1; location = /a { return 200 hello; }'
  await using room = await openProxyRoom({ vhost })
  for (const coding of ['gzip', 'identity']) {
    const { text } = await exchange(room.port, get('/a', `Accept-Encoding: ${coding}`, 'Connection: close'))
    assert.match(text, /^vary: Accept-Encoding\r$/im, coding)
    assert.equal(/^content-encoding: gzip\r$/im.test(text), coding === 'gzip')
  }
})

test('what an expression catches of a path keeps bytes that are no UTF-8', async () => {
  await using room = await openProxyRoom({ vhost: 'rewrite ^/old/(?<rest>.*)$ /new/$1 permanent;' })
  const { text } = await exchange(room.port, get('/old/a%ff%C3%A9', 'Connection: close'))
  assert.match(text, /^location: \/new\/a%FF%C3%A9\r$/im)
})
