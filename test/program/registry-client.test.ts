import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { openData } from '../../src/app/data/open-data.ts'
import { type RunningBerth, startBerth } from '../../src/app/start.ts'
import { createRegistryClient, type RegistryClient } from '../../src/client/registry-client.ts'
import { RegistryError } from '../../src/client/registry-error.ts'
import { loadConfig } from '../../src/config/load/load-config.ts'
import { createLogger } from '../../src/log/logger.ts'
import { hashContent } from '../../src/oci/digest.ts'
import { MEDIA_TYPES } from '../../src/oci/media-type.ts'
import { parseTag } from '../../src/oci/reference.ts'
import { parseRepositoryName } from '../../src/oci/repository-name.ts'
import { startApp } from '../support/door/start-app.ts'
import { basicLogin } from '../support/requests/basic-login.ts'

const TLS_FOLDER = new URL('../fixtures/tls/', import.meta.url)
const TLS = {
  cert: readFileSync(new URL('localhost.crt', TLS_FOLDER), 'utf8'),
  key: readFileSync(new URL('localhost.key', TLS_FOLDER), 'utf8'),
}
const PASSWORD = 'correct horse battery'
const APP = parseRepositoryName('alice/app')
const V1 = parseTag('v1')
const EMPTY = new TextEncoder().encode('{}')

async function refusal(promise: Promise<unknown>): Promise<RegistryError> {
  const error: unknown = await promise.then(
    () => new Error('it went well'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof RegistryError, String(error))
  return error
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function formatImage(layer: Uint8Array): Uint8Array {
  const describeBytes = (mediaType: string, bytes: Uint8Array) => ({
    mediaType,
    digest: hashContent(bytes),
    size: bytes.byteLength,
  })
  const document = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    config: describeBytes('application/vnd.oci.empty.v1+json', EMPTY),
    layers: [describeBytes('application/octet-stream', layer)],
  }
  return new TextEncoder().encode(JSON.stringify(document))
}

for (const scheme of ['http', 'https'] as const) {
  describe(`createRegistryClient() against Berth over ${scheme}`, () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'berth-client-'))
    let berth: RunningBerth
    let alice: RegistryClient

    function connect(username?: string, password?: string): RegistryClient {
      const credentials = username === undefined ? {} : { username, password: password ?? PASSWORD }
      const ca = scheme === 'https' ? { ca: TLS.cert } : {}
      return createRegistryClient({ url: berth.urls[0] ?? '', ...credentials, ...ca })
    }

    before(async () => {
      const tls = {
        'tls-cert': new URL('localhost.crt', TLS_FOLDER).pathname,
        'tls-key': new URL('localhost.key', TLS_FOLDER).pathname,
        'listen-https': '127.0.0.1:0',
      }
      const flags = scheme === 'https' ? tls : { 'listen-http': '127.0.0.1:0' }
      const { config } = loadConfig({ flags: { ...flags, data: folder }, env: {}, cwd: folder })
      {
        await using data = await openData(config)
        await data.accounts.add({ name: 'alice', password: PASSWORD, isAdmin: false })
      }
      berth = await startBerth(config, createLogger({ level: 'error', format: 'json' }))
      alice = connect('alice')
    })
    after(async () => {
      await berth.stop()
      rmSync(folder, { recursive: true })
    })

    test('pings with a password, not without or with a wrong one', async () => {
      await alice.ping()
      assert.equal((await refusal(connect('alice', 'wrong password').ping())).code, 'REGISTRY_LOGIN_FAILED')
      assert.equal((await refusal(connect().ping())).status, 401)
    })

    test('pushes and pulls blobs: whole, streamed and in chunks', async () => {
      const [whole, streamed, chunked] = [randomBytes(100_000), randomBytes(300_000), randomBytes(250_000)]
      await alice.pushBlob(APP, whole)
      const source = {
        digest: hashContent(streamed),
        size: streamed.byteLength,
        async *open() {
          for (let at = 0; at < streamed.byteLength; at += 70_000) yield streamed.subarray(at, at + 70_000)
        },
      }
      await alice.pushBlob(APP, source)
      await alice.pushBlob(APP, chunked, { chunkBytes: 100_000 })
      for (const bytes of [whole, streamed, chunked]) {
        assert.equal(await alice.headBlob(APP, hashContent(bytes)), bytes.byteLength)
        assert.ok(bytes.equals(await collect(alice.pullBlob(APP, hashContent(bytes)))))
      }
      await alice.deleteBlob(APP, hashContent(whole))
      assert.equal(await alice.headBlob(APP, hashContent(whole)), undefined)
    })

    test('pushes, pulls, lists and deletes manifests and tags', async () => {
      const layer = randomBytes(1000)
      const bytes = formatImage(layer)
      await alice.pushBlob(APP, layer)
      await alice.pushBlob(APP, EMPTY)
      const manifest = { mediaType: MEDIA_TYPES.ociManifest, bytes }
      assert.equal(await alice.putManifest(APP, V1, manifest), hashContent(bytes))
      for (const reference of [V1, hashContent(bytes)]) {
        const pulled = await alice.getManifest(APP, reference)
        assert.deepEqual(
          [pulled.digest, pulled.mediaType, pulled.bytes.equals(bytes)],
          [hashContent(bytes), manifest.mediaType, true],
        )
      }
      assert.deepEqual(await alice.listTags(APP), ['v1'])
      assert.deepEqual(await alice.listTags(APP, { last: 'v1', n: 5 }), [])
      await alice.deleteTag(APP, V1)
      const gone = await refusal(alice.getManifest(APP, V1))
      assert.deepEqual([gone.code, gone.status, gone.wireCode], ['REGISTRY_REFUSED', 404, 'MANIFEST_UNKNOWN'])
      await alice.deleteManifest(APP, hashContent(bytes))
      assert.equal((await refusal(alice.getManifest(APP, hashContent(bytes)))).status, 404)
    })

    test('lists referrers, filtered by type', async () => {
      const subject = hashContent('no such manifest')
      const referrer = JSON.stringify({
        ...JSON.parse(new TextDecoder().decode(formatImage(EMPTY))),
        artifactType: 'application/x-sbom',
        subject: { mediaType: MEDIA_TYPES.ociManifest, digest: subject, size: 10 },
      })
      await alice.pushBlob(APP, EMPTY)
      const bytes = new TextEncoder().encode(referrer)
      await alice.putManifest(APP, hashContent(bytes), { mediaType: MEDIA_TYPES.ociManifest, bytes })
      const found = await alice.listReferrers(APP, subject, 'application/x-sbom')
      assert.deepEqual(
        found.map(({ digest }) => digest),
        [hashContent(bytes)],
      )
      assert.deepEqual(await alice.listReferrers(APP, subject, 'application/x-other'), [])
    })

    test("is refused another user's repository", async () => {
      const error = await refusal(alice.getManifest(parseRepositoryName('bob/app'), V1))
      assert.ok(error.status === 401 || error.status === 403 || error.status === 404, error.message)
    })
  })
}

describe('createRegistryClient() against what is no good registry', () => {
  const credentials = { username: 'alice', password: PASSWORD }

  test('reports that no server listens', async () => {
    const gone = await startApp(() => {})
    await gone[Symbol.asyncDispose]()
    const error = await refusal(createRegistryClient({ url: gone.url }).ping())
    assert.equal(error.code, 'REGISTRY_UNREACHABLE')
    assert.match(error.message, /ECONNREFUSED/)
  })

  test('reports that a certificate is not trusted', async () => {
    await using server = await startApp((_request, response) => response.end(), TLS)
    const error = await refusal(createRegistryClient({ url: server.url }).ping())
    assert.equal(error.code, 'REGISTRY_UNREACHABLE')
    assert.match(error.message, /SELF_SIGNED/)
  })

  test('does not send the password to a realm on another host', async () => {
    const seen: (string | undefined)[] = []
    await using thief = await startApp((request, response) => {
      seen.push(request.headers.authorization)
      response.end('{"token":"x"}')
    })
    await using server = await startApp((_request, response) => {
      const realm = thief.url.replace('127.0.0.1', 'localhost')
      response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}/token"` }).end()
    })
    const error = await refusal(createRegistryClient({ url: server.url, ...credentials }).ping())
    assert.equal(error.code, 'REGISTRY_LOGIN_FAILED')
    assert.match(error.message, /another place, http:\/\/localhost:/)
    assert.deepEqual(seen, [])
  })

  test('logs in by Basic if the registry demands it', async () => {
    const expected = basicLogin('alice', PASSWORD)
    await using server = await startApp((request, response) => {
      if (request.headers.authorization === expected) response.end('{}')
      else response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end()
    })
    await createRegistryClient({ url: server.url, ...credentials }).ping()
  })

  test('gets a new token once when one is refused', async () => {
    let issued = 0
    await using server = await startApp((request, response) => {
      if (request.url?.startsWith('/token')) response.end(JSON.stringify({ token: `t${++issued}` }))
      else if (request.headers.authorization === 'Bearer t2') response.end('{"tags":["v1"]}')
      else
        response.writeHead(401, { 'www-authenticate': 'Bearer realm="/token",error="invalid_token"' }).end()
    })
    const client = createRegistryClient({ url: server.url, ...credentials })
    assert.deepEqual(await client.listTags(APP), ['v1'])
    assert.equal(issued, 2)
  })

  test('does not follow an upload to another host', async () => {
    await using server = await startApp((request, response) => {
      if (request.method === 'GET') response.end()
      else response.writeHead(202, { location: 'http://localhost:1/upload' }).end()
    })
    const error = await refusal(createRegistryClient({ url: server.url }).pushBlob(APP, EMPTY))
    assert.equal(error.code, 'REGISTRY_ANSWER_INVALID')
  })

  test('refuses content that has not its digest', async () => {
    await using server = await startApp((_request, response) => response.end('{"schemaVersion":2}'))
    const client = createRegistryClient({ url: server.url })
    assert.equal(
      (await refusal(collect(client.pullBlob(APP, hashContent('x'))))).code,
      'REGISTRY_CONTENT_WRONG',
    )
    assert.equal((await refusal(client.getManifest(APP, hashContent('x')))).code, 'REGISTRY_CONTENT_WRONG')
  })

  test('stops reading an answer without end', async () => {
    await using server = await startApp((request, response) => {
      if (request.url === '/v2/') return void response.end()
      const timer = setInterval(() => response.write(Buffer.alloc(1024 * 1024)), 1)
      response.on('close', () => clearInterval(timer))
    })
    const client = createRegistryClient({ url: server.url })
    const error = await refusal(client.getManifest(APP, V1))
    assert.equal(error.code, 'REGISTRY_ANSWER_INVALID')
  })

  test("shows a page in place of an error without the terminal's control characters", async () => {
    await using server = await startApp((request, response) => {
      if (request.url === '/v2/') return void response.end()
      const errors = [{ code: 'DENIED\u001b[2J', message: 'no\r\nway\u202e' }]
      response.writeHead(403).end(JSON.stringify({ errors }))
    })
    const error = await refusal(createRegistryClient({ url: server.url }).listTags(APP))
    assert.match(
      error.message,
      /^GET \/v2\/alice\/app\/tags\/list was answered 403 DENIED\?\[2J: no\?\?way\?$/,
    )
  })
})
