import assert from 'node:assert/strict'
import { test } from 'node:test'
import { corsOrigins, headerLines, readDistributionHeaders, readDistributionOrigins } from './headers.ts'

test('`corsOrigins` takes scheme, host and port, or an asterisk', () => {
  assert.deepEqual(corsOrigins.parse('https://ui.example.com/, *'), ['https://ui.example.com', '*'])
  for (const wrong of ['https://ui.example.com/path', 'ui.example.com', 'null', 1]) {
    assert.equal(corsOrigins.safeParse(wrong).success, false, String(wrong))
  }
})

test('`headerLines` takes what does not break answers', () => {
  const lines = ['X-A: b: c', 'Content-Security-Policy: x']
  assert.deepEqual(headerLines.parse(lines), lines)
  for (const wrong of ['Content-Length: 1', 'X-A b', 'X-A: b\r\nX-B: c', 'access-control-allow-origin: *']) {
    assert.equal(headerLines.safeParse([wrong]).success, false, wrong)
  }
})

test("Distribution's headers are origins, and others that are not about CORS", () => {
  const headers = {
    'Access-Control-Allow-Origin': ['https://a.example', 'https://b.example'],
    'Access-Control-Allow-Credentials': [true],
    'X-Frame-Options': 'DENY',
  }
  assert.deepEqual(readDistributionOrigins(headers), ['https://a.example', 'https://b.example'])
  assert.deepEqual(readDistributionHeaders(headers), ['X-Frame-Options: DENY'])
  assert.equal(readDistributionOrigins({ 'X-A': ['b'] }), undefined)
  assert.equal(readDistributionHeaders([]), undefined)
})
