import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { truncate } from 'node:fs/promises'
import { get, type IncomingHttpHeaders } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { MAX_RANGES } from '../../src/oci/byte-range.ts'
import { RegistryUnderTest } from './registry-under-test.ts'

const BYTES = randomBytes(5_000_000)
type Span = readonly [first: number, last: number]

interface Part {
  readonly range: string
  readonly type: string
  readonly bytes: Buffer
}

describe('several ranges of a blob', () => {
  let registry: RegistryUnderTest
  let path: string
  before(async () => {
    registry = await RegistryUnderTest.start()
    path = `/v2/alice/app/blobs/${await registry.pushBlob('alice', 'alice/app', BYTES)}`
  })
  after(() => registry[Symbol.asyncDispose]())

  async function requestSpans(
    spans: readonly Span[],
  ): Promise<{ headers: IncomingHttpHeaders; body: Buffer }> {
    const range = `bytes=${spans.map((span) => span.join('-')).join(',')}`
    const headers = { authorization: registry.basic('alice'), range }
    const { promise, resolve, reject } = Promise.withResolvers<Awaited<ReturnType<typeof requestSpans>>>()
    get(`${registry.url}${path}`, { headers }, async (incoming) => {
      assert.equal(incoming.statusCode, 206)
      const body = Buffer.concat(await incoming.toArray())
      resolve({ headers: incoming.headers, body })
    }).on('error', reject)
    return promise
  }

  async function assertParts(spans: readonly Span[]): Promise<void> {
    const { headers, body } = await requestSpans(spans)
    assert.equal(headers['content-range'], undefined)
    assert.equal(Number(headers['content-length']), body.length)
    const parts = parseParts(String(headers['content-type']), body)
    assert.equal(parts.length, spans.length)
    for (const [index, [first, last]] of spans.entries()) {
      const part = parts[index]
      assert.equal(part?.range, `bytes ${first}-${last}/${BYTES.length}`)
      assert.equal(part.type, 'application/octet-stream')
      assert.ok(BYTES.subarray(first, last + 1).equals(part.bytes), `part ${index}`)
    }
  }

  test('come as parts, in the order of the request', () =>
    assertParts([
      [4_999_999, 4_999_999],
      [0, 2],
      [3, 10],
      [100_000, 2_500_000],
    ]))

  test('come as parts where together they are the whole', () =>
    assertParts([
      [2_500_000, 4_999_999],
      [0, 2_499_999],
    ]))

  test(`come as parts up to ${MAX_RANGES}`, () =>
    assertParts(Array.from({ length: MAX_RANGES }, (_, index) => [4_000 * index, 4_000 * index + index])))

  test('are refused beyond that', async () => {
    const range = `bytes=${Array.from({ length: MAX_RANGES + 1 }, (_, index) => `${2 * index}-${2 * index}`)}`
    const refused = await registry.send('alice', 'GET', path, { headers: { range } })
    assert.deepEqual([refused.status, refused.code], [416, 'RANGE_INVALID'])
    assert.equal(refused.headers['content-range'], `bytes */${BYTES.length}`)
  })

  test('that overlap come once: many times the whole is the whole', async () => {
    const { headers, body } = await requestSpans(
      Array.from({ length: MAX_RANGES }, () => [0, BYTES.length - 1]),
    )
    assert.equal(headers['content-range'], `bytes 0-${BYTES.length - 1}/${BYTES.length}`)
    assert.ok(BYTES.equals(body))
  })

  test('of a file that was cut short are absent, also those before the cut', async () => {
    const digest = await registry.pushBlob('alice', 'alice/app', randomBytes(3_000_000))
    const target = `/v2/alice/app/blobs/${digest}`
    await registry.send('alice', 'HEAD', target)
    await truncate(registry.toFile(digest), 1_000_000)
    const headers = { range: 'bytes=0-9,2000000-2000009' }
    const reply = await registry.send('alice', 'GET', target, { headers })
    assert.deepEqual([reply.status, reply.code], [404, 'BLOB_UNKNOWN'])
  })
})

/** The parts of a `multipart/byteranges` body. */
function parseParts(contentType: string, body: Buffer): Part[] {
  const [, boundary] = /^multipart\/byteranges; boundary=(\w+)$/.exec(contentType) ?? []
  const delimiter = `\r\n--${boundary}`
  const framed = Buffer.concat([Buffer.from('\r\n'), body])
  const parts: Part[] = []
  for (let at = 0; ; ) {
    assert.equal(framed.toString('latin1', at, at + delimiter.length), delimiter)
    at += delimiter.length
    if (framed.toString('latin1', at) === '--\r\n') return parts
    const headEnd = framed.indexOf('\r\n\r\n', at)
    const head = framed.toString('latin1', at, headEnd)
    const range = /\r\nContent-Range: (.*)/.exec(head)?.[1] ?? assert.fail(head)
    const [, first, last] = /^bytes (\d+)-(\d+)\//.exec(range) ?? []
    const start = headEnd + 4
    at = start + Number(last) - Number(first) + 1
    parts.push({
      range,
      type: /\r\nContent-Type: (.*)/.exec(head)?.[1] ?? '',
      bytes: framed.subarray(start, at),
    })
  }
}
