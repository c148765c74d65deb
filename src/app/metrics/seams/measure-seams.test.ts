import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatMetrics } from '../../../metrics/format-metrics.ts'
import { ProcessMetrics } from '../../../metrics/process-metrics.ts'
import { createSiteCounter } from './measure-seams.ts'

test('`createSiteCounter()` gives a bounded number of sites values of their own', async () => {
  const metrics = await ProcessMetrics.open()
  const count = createSiteCounter(metrics.meter)
  for (let site = 0; site < 150; site++)
    count({ status: site === 149 ? 502 : 200, bytes: 1, ms: 5 }, `h${site}.test`)
  count({ status: 499, bytes: 0, ms: 5 }, 'h0.test')
  const text = formatMetrics(await metrics.read())
  const names = new Set([...text.matchAll(/site="([^"]+)"/g)].map(([, name]) => name))
  assert.equal(names.size, 101)
  assert.match(text, /berth_site_requests_total\{site="\(other\)",status="2xx"\} 49/)
  assert.match(text, /berth_site_requests_total\{site="\(other\)",status="5xx"\} 1/)
  assert.match(text, /berth_site_requests_total\{site="h0.test",status="gone"\} 1/)
})
