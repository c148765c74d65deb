import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { makeMail, makePaper, type PaperCertificate } from '../../../test/support/certificates/paper-ca.ts'
import { type CheckRequest, checkCertificate } from './check-certificate.ts'
import { CERTIFICATE_FINDINGS, type FindingCode } from './findings.ts'

const HOST = 'www.example.com'
const { root, upper, lower, leaf } = makeMail([HOST])
const issuers = [lower, upper]

/** A server's certificate with some options, and its issuers. */
const special = (options: Parameters<typeof makePaper>[1]): PaperCertificate[] => [
  makePaper(HOST, { by: lower, names: [HOST], ...options }),
  ...issuers,
]

interface Row {
  readonly what: string
  readonly papers: readonly PaperCertificate[]
  readonly request?: Partial<CheckRequest>
  readonly codes: readonly FindingCode[]
  readonly sentence?: RegExp
}

const ROWS: readonly Row[] = [
  { what: 'nothing in what is right', papers: [leaf, ...issuers], codes: [] },
  { what: 'that there is nothing', papers: [], codes: ['CERTIFICATE_MISSING'] },
  { what: 'that there are CAs only', papers: [root, upper], codes: ['CERTIFICATE_MISSING'] },
  { what: 'a missing key', papers: [leaf, ...issuers], request: { keys: [] }, codes: ['KEY_MISSING'] },
  {
    what: 'the wrong key',
    papers: [leaf, ...issuers],
    request: { keys: [makePaper('x').key] },
    codes: ['KEY_MISMATCH'],
  },
  {
    what: 'a bundle with the root first, as Comodo mailed it',
    papers: [root, upper, lower, leaf],
    codes: ['LEAF_NOT_FIRST', 'ROOT_INCLUDED'],
    sentence: /begins with Paper root in place of www.example.com/,
  },
  { what: 'intermediates in the wrong order', papers: [leaf, upper, lower], codes: ['CHAIN_ORDER'] },
  { what: 'a root', papers: [leaf, lower, upper, root], codes: ['ROOT_INCLUDED'] },
  { what: 'a duplicate', papers: [leaf, lower, upper, lower], codes: ['CERTIFICATE_SURPLUS'] },
  {
    what: 'an expired cross-sign',
    papers: [
      leaf,
      lower,
      upper,
      makePaper('Paper root', { by: makePaper('Old'), keyOf: root, days: [-99, -9] }),
    ],
    codes: ['CERTIFICATE_SURPLUS'],
    sentence: /signed by Old, has expired/,
  },
  {
    what: 'a missing intermediate',
    papers: [leaf, upper],
    codes: ['INTERMEDIATE_MISSING', 'CERTIFICATE_SURPLUS'],
  },
  {
    what: 'an expired intermediate',
    papers: [leaf, makePaper('Paper lower', { by: upper, keyOf: lower, days: [-9, -1] }), upper],
    codes: ['INTERMEDIATE_EXPIRED', 'CERTIFICATE_SURPLUS', 'CERTIFICATE_SURPLUS'],
  },
  {
    what: 'an intermediate of the same name with another key',
    papers: [leaf, makePaper('Paper lower', { by: upper }), upper],
    codes: ['INTERMEDIATE_MISSING', 'CERTIFICATE_SURPLUS', 'CERTIFICATE_SURPLUS'],
  },
  {
    what: 'a root that is not trusted',
    papers: [leaf, lower, upper, root],
    request: { roots: [] },
    codes: ['ROOT_INCLUDED', 'ROOT_UNTRUSTED'],
  },
  {
    what: 'a root of one’s own that is not part of the bundle',
    papers: [leaf, lower, upper],
    request: { roots: [], ownRoots: [root.certificate] },
    codes: ['ROOT_UNTRUSTED'],
  },
  {
    what: 'that it is self-signed',
    papers: [makePaper(HOST, { names: [HOST] })],
    codes: ['SELF_SIGNED'],
  },
  { what: 'that it has expired', papers: special({ days: [-90, -1] }), codes: ['EXPIRED'] },
  { what: 'that it is not valid yet', papers: special({ days: [1, 90] }), codes: ['NOT_YET_VALID'] },
  {
    what: 'that less than a third of its life is left',
    papers: special({ days: [-70, 20] }),
    codes: ['EXPIRES_SOON'],
    sentence: /in (19|20) days/,
  },
  {
    what: 'a host that is not covered',
    papers: [leaf, ...issuers],
    request: { hosts: [HOST, 'a.www.example.com', 'example.com'] },
    codes: ['NAME_NOT_COVERED', 'NAME_NOT_COVERED'],
    sentence: /stand for a.www.example.com, but for www.example.com/,
  },
  {
    what: 'a common name alone',
    papers: special({ names: [], isServer: true }),
    codes: ['NO_ALTERNATIVE_NAMES'],
  },
  {
    what: 'a name that is not in its xn-- form',
    papers: special({ names: [HOST, 'b\u00fccher.example'] }),
    codes: ['NAME_NOT_ASCII'],
  },
  {
    what: 'a weak RSA key',
    papers: special({ keyType: 'rsa-1024' }),
    codes: ['KEY_WEAK'],
    sentence: /1024 bits/,
  },
  {
    what: 'a curve nobody knows',
    papers: special({ keyType: 'ec-192' }),
    codes: ['KEY_WEAK'],
    sentence: /curve/,
  },
  { what: 'a life that is too long', papers: special({ days: [-1, 900] }), codes: ['LIFETIME_LONG'] },
]

describe('`checkCertificate()`', () => {
  for (const { what, papers, request, codes, sentence } of ROWS) {
    it(`tells ${what}`, () => {
      const { findings, isAccepted } = checkCertificate({
        certificates: papers.map(({ certificate }) => certificate),
        keys: papers.map(({ key }) => key).slice(0, 1),
        hosts: [HOST],
        roots: [root.certificate],
        now: Date.now(),
        ...(papers[0] === root ? { keys: [leaf.key] } : {}),
        ...request,
      })
      assert.deepEqual(findings.map(({ code }) => code).toSorted(), codes.toSorted())
      if (sentence) assert.match(findings.map((found) => found.sentence).join('\n'), sentence)
      for (const found of findings) {
        assert.ok(found.remedy.length > 0 && !found.sentence.endsWith('.') && !found.remedy.endsWith('.'))
        assert.equal(found.severity, CERTIFICATE_FINDINGS[found.code].severity)
      }
      const isRefused = findings.some(({ severity }) => severity === 'error')
      const isUntrusted = codes.includes('ROOT_UNTRUSTED') || codes.includes('SELF_SIGNED')
      assert.equal(isAccepted, !isRefused && !isUntrusted)
    })
  }
})
