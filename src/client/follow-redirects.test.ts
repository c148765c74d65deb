import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { hashContent } from '../oci/digest.ts'
import { parseRepositoryName } from '../oci/repository-name.ts'
import { createRegistryClient } from './registry-client.ts'

const APP = parseRepositoryName('alice/app')
const BYTES = Buffer.from('a layer')
const DIGEST = hashContent(BYTES)

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function pull(url: string): Promise<Buffer> {
  const client = createRegistryClient({ url, username: 'alice', password: 'secret' })
  const chunks: Uint8Array[] = []
  for await (const chunk of client.pullBlob(APP, DIGEST)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** A registry that wants Basic, and sends every blob by a redirect. */
const redirecting = (location: string) =>
  serve((request, response) => {
    if (!request.headers.authorization) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
    } else if (request.url === '/v2/') response.writeHead(200).end()
    else response.writeHead(307, { location }).end()
  })

test('a blob is taken from the storage that a registry redirects to, which does not get the password', async () => {
  const seen: (string | undefined)[] = []
  await using storage = await serve((request, response) => {
    seen.push(request.headers.authorization)
    response.end(BYTES)
  })
  await using registry = await redirecting(`${storage.url}/bucket/blob?signature=x`)
  assert.ok((await pull(registry.url)).equals(BYTES))
  assert.deepEqual(seen, [undefined])
})

test('redirects without an end, to another scheme and to nowhere are refused', async () => {
  await using storage = await serve((request, response) => {
    response.writeHead(302, { location: String(request.url) }).end()
  })
  for (const location of [`${storage.url}/round`, 'ftp://127.0.0.1/x', 'http://']) {
    await using registry = await redirecting(location)
    await assert.rejects(pull(registry.url), { code: 'REGISTRY_ANSWER_INVALID' }, location)
  }
})

test('a failure of the storage does not show the signature of its URL', async () => {
  await using registry = await redirecting('http://127.0.0.1:1/bucket?signature=hidden')
  await assert.rejects(pull(registry.url), (error: Error) => {
    assert.ok(!error.message.includes('hidden'), error.message)
    return 'code' in error && error.code === 'REGISTRY_UNREACHABLE'
  })
})
