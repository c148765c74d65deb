import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { makeCertificates } from '../../test/support/certificates/make-certificates.ts'
import { type AppPair, startApp } from '../../test/support/door/start-app.ts'
import { makeTempFolder } from '../../test/support/machine/temp-folder.ts'
import { hashContent } from '../oci/digest.ts'
import { parseRepositoryName } from '../oci/repository-name.ts'
import { createRegistryClient } from './registry-client.ts'

const APP = parseRepositoryName('alice/app')
const BYTES = Buffer.from('a layer')
const DIGEST = hashContent(BYTES)

async function pull(url: string, ca?: string): Promise<Buffer> {
  const login = { username: 'alice', password: 'secret' }
  const client = createRegistryClient({ url, ...login, ...(ca !== undefined && { ca }) })
  const chunks: Uint8Array[] = []
  for await (const chunk of client.pullBlob(APP, DIGEST)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** A registry that wants Basic, and sends every blob by a redirect. */
const redirecting = (location: string, papers?: AppPair) =>
  startApp((request, response) => {
    if (!request.headers.authorization) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
    } else if (request.url === '/v2/') response.writeHead(200).end()
    else response.writeHead(307, { location }).end()
  }, papers)

test('a blob is taken from the storage that a registry redirects to, which does not get the password', async () => {
  const seen: (string | undefined)[] = []
  await using storage = await startApp((request, response) => {
    seen.push(request.headers.authorization)
    response.end(BYTES)
  })
  await using registry = await redirecting(`${storage.url}/bucket/blob?signature=x`)
  assert.ok((await pull(registry.url)).equals(BYTES))
  assert.deepEqual(seen, [undefined])
})

test('the authority of the registry counts for the storage, too, and another one does not', async () => {
  await using folder = await makeTempFolder('redirect')
  const papers = await makeCertificates(folder.path, '127.0.0.1')
  const tls = { cert: await readFile(papers.certFile), key: await readFile(papers.keyFile) }
  await using storage = await startApp((_request, response) => response.end(BYTES), tls)
  await using registry = await redirecting(`${storage.url}/bucket/blob`, tls)
  const ca = await readFile(papers.caFile, 'utf8')
  assert.ok((await pull(registry.url, ca)).equals(BYTES))
  await using other = await makeTempFolder('other-authority')
  const others = await makeCertificates(other.path, '127.0.0.1')
  const foreign = { cert: await readFile(others.certFile), key: await readFile(others.keyFile) }
  await using stranger = await startApp((_request, response) => response.end(BYTES), foreign)
  await using sending = await redirecting(`${stranger.url}/bucket/blob`, tls)
  await assert.rejects(pull(sending.url, ca), { code: 'REGISTRY_UNREACHABLE' })
})

test('a blob of a silent storage ends with the signal of its caller', async () => {
  await using storage = await startApp(() => {})
  await using registry = await redirecting(`${storage.url}/bucket/blob`)
  const client = createRegistryClient({ url: registry.url, username: 'alice', password: 'secret' })
  const body = client.pullBlob(APP, DIGEST, AbortSignal.timeout(200))[Symbol.asyncIterator]()
  await assert.rejects(body.next(), { code: 'REGISTRY_UNREACHABLE' })
})

test('redirects without an end, to another scheme and to nowhere are refused', async () => {
  await using storage = await startApp((request, response) => {
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
