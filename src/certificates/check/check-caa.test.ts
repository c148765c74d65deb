import assert from 'node:assert/strict'
import type { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { makePaper } from '../../../test/support/certificates/paper-ca.ts'
import { type CaaLookup, checkCaa } from './check-caa.ts'

const byLetsEncrypt = makePaper('www.example.com', {
  by: makePaper("Let's Encrypt R99"),
  names: ['www.example.com'],
}).certificate
const byNobody = makePaper('www.example.com', { names: ['www.example.com'] }).certificate

interface Row {
  readonly what: string
  readonly records: Readonly<Record<string, readonly string[]>>
  readonly host?: string
  readonly certificate?: X509Certificate
  /** Expected sentence; undefined: no finding. */
  readonly expected: RegExp | undefined
}

const ROWS: readonly Row[] = [
  { what: 'no records', records: {}, expected: undefined },
  { what: 'the CA itself', records: { 'example.com': ['letsencrypt.org'] }, expected: undefined },
  {
    what: 'the CA itself, with parameters',
    records: { 'example.com': ['letsencrypt.org; validationmethods=dns-01'] },
    expected: undefined,
  },
  {
    what: 'another CA',
    records: { 'example.com': ['digicert.com'] },
    expected: /of example.com allow digicert.com to issue/,
  },
  { what: 'nobody', records: { 'example.com': [';'] }, expected: /allow no CA/ },
  {
    what: 'the closest name that has any',
    records: { 'www.example.com': ['digicert.com'], 'example.com': ['letsencrypt.org'] },
    expected: /of www.example.com/,
  },
  {
    what: 'a CA that is not known here',
    records: { 'example.com': ['x.org'] },
    certificate: byNobody,
    expected: undefined,
  },
  { what: 'an address', records: { '1.1': ['x.org'] }, host: '1.1.1.1', expected: undefined },
]

for (const { what, records, host = 'www.example.com', certificate = byLetsEncrypt, expected } of ROWS) {
  test(`\`checkCaa()\` knows ${what}`, async () => {
    const lookup: CaaLookup = (name) =>
      Promise.resolve((records[name] ?? []).map((issue) => ({ critical: 0, issue })))
    const findings = await checkCaa(host, certificate, lookup)
    assert.deepEqual(
      findings.map(({ code }) => code),
      expected ? ['CAA_FORBIDS'] : [],
    )
    if (expected) assert.match(findings[0]?.sentence ?? '', expected)
  })
}
