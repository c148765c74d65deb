import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { hashContent } from '../../src/oci/digest.ts'
import { MEDIA_TYPES } from '../../src/oci/media-type.ts'
import { sendRaw } from './connection.ts'
import { describeBytes, EMPTY_JSON, RegistryUnderTest, toImage } from './registry-under-test.ts'

const SECRET_LAYER = 'what only alice may have'

describe('a hostile client', () => {
  let registry: RegistryUnderTest
  before(async () => {
    registry = await RegistryUnderTest.start()
    for (const blob of [EMPTY_JSON, SECRET_LAYER]) await registry.pushBlob('alice', 'alice/app', blob)
    await registry.pushBlob('bob', 'bob/app', EMPTY_JSON)
    const document = toImage([SECRET_LAYER])
    await registry.pushManifest('alice', 'alice/app', { document, reference: 'v1' })
  })
  after(() => registry[Symbol.asyncDispose]())

  /** Status, code of the error and whole text of the first answer to bytes sent as they are. */
  async function raw(text: string): Promise<{ statuses: number[]; text: string }> {
    const answer = await sendRaw(registry.url, text, 1_500)
    const statuses = [...answer.text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => Number(match[1]))
    return { statuses, text: answer.text }
  }

  test('gets nothing of another by naming it in a manifest, a mount, an empty upload or a referrer', async () => {
    const digest = hashContent(SECRET_LAYER)
    const put = (document: Record<string, unknown>) =>
      registry.send('bob', 'PUT', '/v2/bob/app/manifests/stolen', {
        body: JSON.stringify(document),
        headers: { 'content-type': String(document.mediaType) },
      })
    assert.equal((await put(toImage([SECRET_LAYER]))).code, 'MANIFEST_BLOB_UNKNOWN')
    const alices = describeBytes(MEDIA_TYPES.ociManifest, JSON.stringify(toImage([SECRET_LAYER])))
    const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: [alices] }
    assert.equal((await put(index)).code, 'MANIFEST_BLOB_UNKNOWN')
    // Layers that need not be here may be named, and are still not served.
    const foreign = describeBytes('application/vnd.oci.image.layer.nondistributable.v1.tar', SECRET_LAYER)
    assert.equal((await put(toImage([], { layers: [foreign], subject: alices }))).status, 201)
    for (const path of [`blobs/${digest}`, `manifests/${alices.digest}`]) {
      assert.equal((await registry.send('bob', 'GET', `/v2/bob/app/${path}`)).status, 404, path)
      assert.equal((await registry.send('bob', 'DELETE', `/v2/bob/app/${path}`)).status, 404, path)
    }
    const upload = `/v2/bob/app/blobs/uploads/?digest=${digest}`
    assert.equal((await registry.send('bob', 'POST', upload)).code, 'DIGEST_INVALID')
    const session = String(
      (await registry.send('bob', 'POST', '/v2/bob/app/blobs/uploads/')).headers.location,
    )
    const ended = await registry.send('bob', 'PUT', `${session}?digest=${digest}`)
    assert.equal(ended.code, 'DIGEST_INVALID')
    assert.equal((await registry.send('bob', 'HEAD', `/v2/bob/app/blobs/${digest}`)).status, 404)
    const referrers = `/v2/alice/app/referrers/${alices.digest}`
    assert.deepEqual((await registry.send('alice', 'GET', referrers)).json.manifests, [])
  })

  test('gets the same answer from a target with and without the host before it', async () => {
    const { host } = new URL(registry.url)
    const head = `Host: ${host}\r\nAuthorization: ${registry.basic('alice')}\r\nConnection: close\r\n\r\n`
    const path = '/v2/alice/app/tags/list'
    const plain = await raw(`GET ${path} HTTP/1.1\r\n${head}`)
    const absolute = await raw(`GET http://${host.toUpperCase()}${path} HTTP/1.1\r\n${head}`)
    const bare = (text: string) => text.replace(/^(?:date|x-request-id):.*\r\n/gim, '')
    assert.equal(bare(absolute.text), bare(plain.text))
    assert.match(plain.text, /"tags":\["v1"\]/)
    assert.deepEqual((await raw(`GET http://${host} HTTP/1.1\r\n${head}`)).statuses, [200])
    for (const target of ['http://other/v2/', `http://x@${host}/v2/`, 'ftp://x/v2/', 'v2/', '*']) {
      const { statuses } = await raw(`GET ${target} HTTP/1.1\r\n${head}`)
      assert.ok([400, 404].includes(statuses[0] ?? 0), `${target}: ${statuses}`)
    }
    const bobs = `Host: ${host}\r\nAuthorization: ${registry.basic('bob')}\r\nConnection: close\r\n\r\n`
    assert.deepEqual((await raw(`GET http://${host}${path} HTTP/1.1\r\n${bobs}`)).statuses, [403])
  })

  test('is not taken for the first of two hosts or of two log-ins', async () => {
    const [alice, bob] = [registry.basic('alice'), registry.basic('bob')]
    const twice = await raw(`GET /v2/ HTTP/1.1\r\nHost: a\r\nhost: b\r\nAuthorization: ${alice}\r\n\r\n`)
    assert.deepEqual(twice.statuses, [400])
    for (const second of [alice, bob, '']) {
      const { text, statuses } = await raw(
        `GET /v2/ HTTP/1.1\r\nHost: a\r\nAuthorization: ${alice}\r\nauthorization: ${second}\r\n\r\n`,
      )
      assert.deepEqual(statuses, [400])
      assert.match(text, /"code":"REQUEST_INVALID","message":"[^"]*send one of each"/)
    }
    for (const header of [
      `${alice}, ${bob}`,
      `${alice} ${bob}`,
      `${alice}=x`,
      `${alice}\x7f`,
      'Basic ====',
    ]) {
      const { statuses } = await raw(
        `GET /v2/ HTTP/1.1\r\nHost: a\r\nAuthorization: ${header}\r\nConnection: close\r\n\r\n`,
      )
      assert.ok([400, 401].includes(statuses[0] ?? 0), header)
    }
  })

  test('cannot slip a request into the body of a refused one', async () => {
    const inner = 'GET /v2/alice/app/tags/list HTTP/1.1\r\nHost: x\r\n\r\n'
    const next = `GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`
    for (const [target, status] of [
      ['PUT /v2/alice/app/manifests/x', 401],
      ['POST /token', 400],
      ['PATCH /v2/alice/app/blobs/uploads/none', 404],
      ['DELETE /nothing', 404],
      ['GET /livez', 200],
    ] as const) {
      const length = `Content-Length: ${inner.length}`
      const counted = await raw(`${target} HTTP/1.1\r\nHost: x\r\n${length}\r\n\r\n${inner}${next}`)
      assert.deepEqual(counted.statuses, [status, 200], target)
      const chunks = `${inner.length.toString(16)};x="y"\r\n${inner}\r\n0\r\n\r\n`
      const coded = `${target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}${next}`
      assert.deepEqual((await raw(coded)).statuses, [status, 200], target)
    }
  })

  test('cannot have a body stored with a coding around it, and an empty one is what it is', async () => {
    const head = (coding: string) =>
      `HTTP/1.1\r\nHost: x\r\nAuthorization: ${registry.basic('alice')}\r\n${coding}Connection: close\r\n\r\n`
    const start = `POST /v2/alice/app/blobs/uploads/?digest=${hashContent('ab')}`
    const body = '2\r\nab\r\n0\r\n\r\n'
    const gzip = await raw(`${start} ${head('Transfer-Encoding: gzip, chunked\r\n')}${body}`)
    assert.deepEqual(gzip.statuses, [501])
    assert.match(gzip.text, /REQUEST_INVALID/)
    const chunked = await raw(`${start} ${head('Transfer-Encoding: Chunked\r\n')}${body}`)
    assert.deepEqual(chunked.statuses, [201])
    const session = async () =>
      String((await registry.send('alice', 'POST', '/v2/alice/app/blobs/uploads/')).headers.location)
    for (const coding of ['', 'Content-Length: 0\r\n']) {
      assert.deepEqual((await raw(`PATCH ${await session()} ${head(coding)}`)).statuses, [202])
      const end = `PUT ${await session()}?digest=${hashContent('')}`
      assert.deepEqual((await raw(`${end} ${head(coding)}`)).statuses, [201])
      const manifest = await raw(`PUT /v2/alice/app/manifests/none ${head(coding)}`)
      assert.match(manifest.text, /MANIFEST_INVALID/)
      const form = await raw(`POST /token ${head(coding)}`)
      assert.match(form.text, /REQUEST_INVALID/)
    }
  })

  test('cannot fill the memory with answers it does not read', async () => {
    const document = toImage([], { annotations: { filling: 'x'.repeat(4_100_000) } })
    await registry.pushManifest('alice', 'alice/app', { document, reference: 'large' })
    const path = '/v2/alice/app/manifests/large'
    const { hostname, port } = new URL(registry.url)
    const sendRequests = (user: 'admin' | 'alice', then?: (socket: Socket) => void): Socket => {
      const socket = connect({ host: hostname, port: Number(port) }).pause()
      const authorization = `Authorization: ${registry.basic(user)}`
      // More than once: the system itself may take several MB for a client that reads nothing.
      const requests = `GET ${path} HTTP/1.1\r\nHost: x\r\n${authorization}\r\n\r\n`.repeat(12)
      socket.write(requests, () => then?.(socket))
      return socket
    }
    // Gone while a password is checked for the first time: before there is an answer to keep.
    const gone = Array.from({ length: 24 }, () =>
      once(
        sendRequests('admin', (socket) => socket.resetAndDestroy()),
        'close',
      ),
    )
    await Promise.all(gone)
    const deaf = Array.from({ length: 24 }, () => sendRequests('alice'))
    let refused = await registry.send('alice', 'GET', path)
    for (let turn = 0; turn < 1_000 && refused.status !== 429; turn++)
      refused = await registry.send('alice', 'GET', path)
    assert.deepEqual([refused.status, refused.code], [429, 'TOOMANYREQUESTS'])
    assert.equal((await registry.send('alice', 'GET', '/v2/alice/app/manifests/v1')).status, 200)
    assert.equal((await registry.send('alice', 'HEAD', path)).status, 200)
    for (const socket of deaf) socket.destroy()
    let taken = await registry.send('alice', 'GET', path)
    for (let turn = 0; turn < 1_000 && taken.status !== 200; turn++)
      taken = await registry.send('alice', 'GET', path)
    assert.equal(taken.text, JSON.stringify(document))
    assert.equal((await registry.send('alice', 'DELETE', path)).status, 202)
  })

  test('learns nothing from where a page begins', async () => {
    const list = (query: string) => registry.send('alice', 'GET', `/v2/alice/app/tags/list?${query}`)
    for (const last of [
      '%25',
      '_',
      '%00',
      '%F0%9F%98%80',
      '%ff',
      "'%20or%201=1--",
      'u%25',
      'x'.repeat(5_000),
    ]) {
      const { status, json } = await list(`last=${last}`)
      const expected = decodeURIComponent(last.replace('%ff', '%EF%BF%BD')) < 'v1' ? ['v1'] : []
      assert.deepEqual([status, json.tags], [200, expected], last)
      const catalog = await registry.send('bob', 'GET', `/v2/_catalog?n=5&last=${last}`)
      assert.ok(!catalog.text.includes('alice'), last)
    }
  })
})
