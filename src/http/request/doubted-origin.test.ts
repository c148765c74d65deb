import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeVisit } from '../../../test/support/door/served-by.ts'
import { createDoubtReport, type DoubtedOrigin } from './doubted-origin.ts'

test('`createDoubtReport()` reports the first visit of each kind of doubt, with the proxy', () => {
  const reported: DoubtedOrigin[] = []
  const report = createDoubtReport((doubted) => void reported.push(doubted))
  const url = 'https://registry.test'
  report(makeVisit())
  for (const peerAddress of ['172.17.0.1', '172.17.0.2']) {
    report(makeVisit({ peerAddress, doubt: { kind: 'untrusted', url } }))
    report(makeVisit({ peerAddress, doubt: { kind: 'silent', url } }))
  }
  assert.deepEqual(reported, [
    { kind: 'untrusted', url, address: '172.17.0.1' },
    { kind: 'silent', url, address: '172.17.0.1' },
  ])
})
