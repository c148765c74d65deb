import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text as readText } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'

/** Longest wait for spans, in ms: they are sent within five seconds, on a busy machine later. */
const WITHIN_MS = 30_000

/** A span as a collector got it. */
export interface CollectedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly traceState?: string
  readonly flags: number
  readonly name: string
  readonly kind: number
  readonly start: bigint
  readonly end: bigint
  readonly attributes: Readonly<Record<string, unknown>>
  readonly status?: { readonly code: number }
  readonly resource: Readonly<Record<string, unknown>>
}

/** A collector of OTLP over HTTP, which keeps what it gets. */
interface TraceCollector extends AsyncDisposable {
  readonly url: string
  readonly spans: CollectedSpan[]
  /** Headers of each request. */
  readonly requests: IncomingHttpHeaders[]
  /** Bodies as they came. */
  readonly bodies: string[]
  /** Status of answers, or `hang`: none come. */
  answer: number | 'hang'
  /** Waits until spans fit. */
  waitFor(fits: (spans: readonly CollectedSpan[]) => boolean): Promise<void>
}

interface KeyValue {
  readonly key: string
  readonly value: Readonly<Record<string, unknown>>
}

interface OtlpBody {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] }
    readonly scopeSpans: readonly {
      readonly scope: { readonly name: string }
      readonly spans: readonly (Omit<CollectedSpan, 'attributes'> & {
        readonly attributes: readonly KeyValue[]
        readonly startTimeUnixNano: string
        readonly endTimeUnixNano: string
      })[]
    }[]
  }[]
}

/** Starts a collector on a port of the system's choice. */
export async function startCollector(): Promise<TraceCollector> {
  const kept: Pick<TraceCollector, 'spans' | 'requests' | 'bodies'> = { spans: [], requests: [], bodies: [] }
  const state: { answer: TraceCollector['answer'] } = { answer: 200 }
  const server = createServer(async (request, response) => {
    const body = await readText(request)
    kept.requests.push(request.headers)
    if (state.answer === 'hang') return
    if (state.answer === 200) {
      assert.equal(`${request.method} ${request.url}`, 'POST /v1/traces')
      assert.equal(request.headers['content-type'], 'application/json')
      kept.bodies.push(body)
      kept.spans.push(...parseBody(body))
    }
    response.writeHead(state.answer, { 'content-type': 'application/json' }).end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return Object.assign(state, kept, {
    url: `http://127.0.0.1:${port}`,
    async waitFor(fits: (spans: readonly CollectedSpan[]) => boolean) {
      const deadline = Date.now() + WITHIN_MS
      while (!fits(kept.spans)) {
        if (Date.now() > deadline)
          assert.fail(`no such spans: ${kept.spans.map(({ name }) => name).join(', ')}`)
        await sleep(20)
      }
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  })
}

/** Reads a body strictly: a span that a collector would refuse fails the test. */
function parseBody(body: string): CollectedSpan[] {
  const { resourceSpans } = JSON.parse(body) as OtlpBody
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ scope, spans }) => {
      assert.equal(scope.name, 'berth')
      return spans.map(({ startTimeUnixNano, endTimeUnixNano, attributes, ...span }) => {
        assert.match(span.traceId, /^[0-9a-f]{32}$/)
        assert.match(span.spanId, /^[0-9a-f]{16}$/)
        if (span.parentSpanId !== undefined) assert.match(span.parentSpanId, /^[0-9a-f]{16}$/)
        assert.ok([1, 2, 3].includes(span.kind))
        const [start, end] = [BigInt(startTimeUnixNano), BigInt(endTimeUnixNano)]
        assert.ok(end >= start && end - start < 60_000_000_000n)
        const ageMs = Math.abs(Date.now() - Number(start / 1_000_000n))
        assert.ok(ageMs < 120_000, `${ageMs} ms`)
        return {
          ...span,
          start,
          end,
          attributes: readAttributes(attributes),
          resource: readAttributes(resource.attributes),
        }
      })
    }),
  )
}

function readAttributes(list: readonly KeyValue[]): Record<string, unknown> {
  const entries = list.map(({ key, value }) => {
    const [kind, ...others] = Object.keys(value)
    assert.ok(
      kind && others.length === 0 && ['stringValue', 'intValue', 'boolValue', 'doubleValue'].includes(kind),
    )
    return [key, kind === 'intValue' ? Number(value[kind]) : value[kind]] as const
  })
  assert.equal(new Set(entries.map(([key]) => key)).size, entries.length, 'a key came twice')
  return Object.fromEntries(entries)
}
