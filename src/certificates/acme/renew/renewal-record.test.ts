import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AcmeError } from '../client/requests/acme-error.ts'
import {
  checkBudget,
  type RenewalRecord,
  recordFailure,
  recordSuccess,
  WEEKLY_LIMIT,
} from './renewal-record.ts'

const NOW = Date.UTC(2026, 10, 24)
const HOUR_MS = 3600 * 1000
const WEEK_MS = 7 * 24 * HOUR_MS
const EMPTY: RenewalRecord = { names: ['app.example.com'], issuedAt: [] }
const ORDER = { url: 'https://ca.example.com/order/1', directory: 'https://ca.example.com/', keyPem: 'PEM' }

describe('`recordFailure()`', () => {
  const failWith = (
    error: unknown,
    record: RenewalRecord = { ...EMPTY, pendingOrder: ORDER },
  ): RenewalRecord => recordFailure(record, error, { now: NOW, random: 0 })
  const problem = (status: number): AcmeError['problem'] => ({
    type: 'x',
    detail: '',
    status,
    subproblems: [],
  })

  const rows: readonly { title: string; error: unknown; keepsOrder: boolean }[] = [
    { title: 'the CA cannot be reached', error: new AcmeError('ACME_UNREACHABLE', '', ''), keepsOrder: true },
    { title: 'the CA takes its time', error: new AcmeError('ACME_TIMEOUT', '', ''), keepsOrder: true },
    { title: 'the disk is full', error: new Error('ENOSPC'), keepsOrder: true },
    { title: 'the DNS hook fails', error: new AcmeError('ACME_DNS_FAILED', '', ''), keepsOrder: true },
    {
      title: 'the CA is busy',
      error: new AcmeError('ACME_REFUSED', '', '', { problem: problem(503) }),
      keepsOrder: true,
    },
    {
      title: 'the CA refuses',
      error: new AcmeError('ACME_REFUSED', '', '', { problem: problem(403) }),
      keepsOrder: false,
    },
    {
      title: 'a name could not be proved',
      error: new AcmeError('ACME_CHALLENGE_FAILED', '', ''),
      keepsOrder: false,
    },
    {
      title: 'the certificate is wrong',
      error: new AcmeError('ACME_CERTIFICATE_UNUSABLE', '', ''),
      keepsOrder: false,
    },
  ]
  for (const { title, error, keepsOrder } of rows)
    test(`${keepsOrder ? 'keeps' : 'drops'} the order when ${title}`, () => {
      assert.equal(failWith(error).pendingOrder, keepsOrder ? ORDER : undefined)
    })

  test('leaves `replaces` out of every other attempt', () => {
    const first = failWith(new Error('x'))
    assert.deepEqual([first.skipReplaces, failWith(new Error('x'), first).skipReplaces], [true, false])
  })

  test('counts from the first failure', () => {
    const later = recordFailure(failWith(new Error('x')), new Error('y'), { now: NOW + HOUR_MS, random: 0 })
    assert.deepEqual(later.failures, { count: 2, since: NOW })
    assert.equal(later.lastError?.message, 'y')
  })
})

describe('`recordSuccess()`', () => {
  test('forgets failures, order and advice, and remembers twenty times of issue', () => {
    let record: RenewalRecord = {
      ...EMPTY,
      pendingOrder: ORDER,
      failures: { count: 3, since: 0 },
      skipReplaces: true,
    }
    const installed = { notAfter: NOW, directory: ORDER.directory, isTest: false }
    for (let count = 0; count < 30; count++) record = recordSuccess(record, installed, NOW + count)
    assert.deepEqual(
      [record.pendingOrder, record.failures, record.skipReplaces, record.advice],
      Array(4).fill(undefined),
    )
    assert.deepEqual([record.issuedAt.length, record.issuedAt.at(-1)], [20, NOW + 29])
  })
})

describe('`checkBudget()`', () => {
  const directory = 'https://acme-v02.api.letsencrypt.org/directory'
  const record = {
    ...EMPTY,
    issuedAt: Array.from({ length: WEEKLY_LIMIT }, (_, index) => NOW + index * HOUR_MS),
  }

  test('refuses a sixth certificate in a week, and says when it will be there', () => {
    const now = NOW + 24 * HOUR_MS
    assert.throws(() => checkBudget(record, directory, now), {
      code: 'ACME_REFUSED',
      retryAfterMs: NOW + WEEK_MS - now,
      remedy: /data folder/,
    })
  })

  test('lets pass after the week, after fewer, and for other CAs', () => {
    checkBudget(record, directory, NOW + WEEK_MS + 1)
    checkBudget({ ...record, issuedAt: record.issuedAt.slice(1) }, directory, NOW + 24 * HOUR_MS)
    checkBudget(record, 'https://ca.example.com/', NOW + 24 * HOUR_MS)
  })
})
