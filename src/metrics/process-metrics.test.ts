import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatMetrics } from './format-metrics.ts'
import { type MetricSource, ProcessMetrics } from './process-metrics.ts'

async function scrape(metrics: ProcessMetrics): Promise<string> {
  return formatMetrics(await metrics.read())
}

function readOnly(read: () => Promise<number>): MetricSource {
  return {
    name: 'switches',
    read: async () => {
      const value = await read()
      return (meter) => meter.set('berth_read_only', value)
    },
    forget: (meter) => meter.forget('berth_read_only'),
  }
}

test('`ProcessMetrics` has no value of what was not counted or set', async () => {
  const text = await scrape(await ProcessMetrics.open())
  assert.doesNotMatch(text, /berth_read_only|berth_requests_in_progress/)
})

test('`ProcessMetrics` reads a source once in a while, however often it is scraped', async () => {
  const metrics = await ProcessMetrics.open()
  let reads = 0
  metrics.add(readOnly(async () => ++reads))
  const texts = await Promise.all(Array.from({ length: 20 }, () => scrape(metrics)))
  assert.equal(reads, 1)
  for (const text of texts) assert.match(text, /^berth_read_only 1$/m)
})

test('`ProcessMetrics` drops the values of a source that fails, and says so', async () => {
  const metrics = await ProcessMetrics.open({ knownMs: 0 })
  let fails = false
  metrics.add(
    readOnly(async () => {
      if (fails) throw new Error('no')
      return 1
    }),
  )
  assert.match(await scrape(metrics), /^berth_scrape_source_failed\{source="switches"\} 0$/m)
  fails = true
  const text = await scrape(metrics)
  assert.match(text, /^berth_scrape_source_failed\{source="switches"\} 1$/m)
  assert.doesNotMatch(text, /berth_read_only/)
  fails = false
  assert.match(await scrape(metrics), /^berth_read_only 1$/m)
})

test('`ProcessMetrics` waits a bounded time for a source, and does not call it again meanwhile', async () => {
  const metrics = await ProcessMetrics.open({ knownMs: 0, timeoutMs: 20 })
  const { promise, resolve } = Promise.withResolvers<number>()
  let reads = 0
  metrics.add(
    readOnly(() => {
      reads++
      return promise
    }),
  )
  for (let turn = 0; turn < 3; turn++)
    assert.match(await scrape(metrics), /^berth_scrape_source_failed\{source="switches"\} 1$/m)
  assert.equal(reads, 1)
  resolve(1)
  await promise
  await new Promise(setImmediate)
  assert.match(await scrape(metrics), /^berth_read_only 1$/m)
  assert.equal(reads, 2)
})

test('`formatMetrics()` escapes what a label holds', () => {
  const samples = [{ labels: { site: 'a"b\\c\nd' }, value: 1 }]
  const text = formatMetrics([{ name: 'berth_site_sent_bytes_total', samples }])
  assert.match(text, /\{site="a\\"b\\\\c\\nd"\} 1\n$/)
})
