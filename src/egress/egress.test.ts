import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { makePaper } from '../../test/support/certificates/paper-ca.ts'
import { isAllowedHost } from './allowed-lookup.ts'
import { fetchDocument, MAX_DOCUMENT_BYTES } from './fetch-document.ts'

const CA = makePaper('a CA')

/** A server on loopback, whose certificate is signed by the CA. */
async function serve(listener: RequestListener) {
  const paper = makePaper('localhost', { by: CA, names: ['localhost'] })
  const server = createServer({ cert: paper.pem, key: paper.keyPem }, listener).listen(0)
  await once(server, 'listening')
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

test('`fetchDocument()` reads JSON over TLS that the given authority vouches for', async () => {
  await using server = await serve((_request, response) => response.end('{"a":1}'))
  assert.deepEqual(await fetchDocument(server.url, { ca: CA.pem, isPrivate: true }), { a: 1 })
  await assert.rejects(fetchDocument(server.url, { isPrivate: true }), /certificate/)
})

test('`fetchDocument()` contacts this machine, its network and its cloud only if the operator allows it', async () => {
  let requests = 0
  await using server = await serve((_request, response) => {
    requests++
    response.end('{}')
  })
  const { port } = new URL(server.url)
  for (const host of ['127.0.0.1', '[::1]', '2130706433', '0x7f.1', '[::ffff:127.0.0.1]', '169.254.169.254'])
    await assert.rejects(
      fetchDocument(`https://${host}:${port}/`, { ca: CA.pem }),
      /not one of the public internet/,
      host,
    )
  await assert.rejects(fetchDocument(server.url, { ca: CA.pem }), /leads out of the public internet/)
  assert.equal(requests, 0)
  assert.equal(isAllowedHost(new URL('https://192.168.0.1')), false)
  assert.equal(isAllowedHost(new URL('https://1.1.1.1')), true)
})

test('`fetchDocument()` follows no redirect, and refuses plain HTTP, credentials in the address and what is no JSON', async () => {
  await using server = await serve(({ url }, response) => {
    if (url === '/redirect') response.writeHead(302, { location: '/' }).end()
    else if (url === '/large') response.end('x'.repeat(MAX_DOCUMENT_BYTES + 1))
    else response.end(url === '/' ? '{}' : '<html>')
  })
  const get = (path: string) => fetchDocument(server.url + path, { ca: CA.pem, isPrivate: true })
  await assert.rejects(get('/redirect'), /the answer was 302/)
  await assert.rejects(get('/large'), /larger than 262144 bytes/)
  await assert.rejects(get('/page'), SyntaxError)
  for (const address of ['http://localhost/', 'https://a:b@localhost/', 'file:///etc/passwd', 'nonsense'])
    await assert.rejects(fetchDocument(address, { isPrivate: true }), /no https:\/\/ address/)
})
