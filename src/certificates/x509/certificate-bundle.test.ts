import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { makeMail, makePaper, type PaperCertificate } from '../../../test/support/certificates/paper-ca.ts'
import { describeEnd } from '../check/describe-end.ts'
import { type BundleParts, bundleToPem, makeBundle } from './certificate-bundle.ts'

const HOST = 'www.example.com'
const { root, upper, lower, leaf } = makeMail([HOST])

function bundle(papers: readonly PaperCertificate[], more: Partial<BundleParts> = {}) {
  return makeBundle({
    certificates: papers.map(({ certificate }) => certificate),
    keys: [leaf.key],
    host: HOST,
    roots: [root.certificate],
    now: Date.now(),
    ...more,
  })
}

const subjects = (found: ReturnType<typeof bundle>) =>
  found?.chain.map(({ subject }) => subject.replace('CN=', '').replace('Paper ', ''))

describe('`makeBundle()`', () => {
  it('orders what was mailed, root first as cheap CAs do it, and leaves the root out', () => {
    const orders = [
      [root, upper, lower, leaf],
      [leaf, lower, upper, root],
      [lower, leaf, root, upper],
      [upper, leaf, lower],
    ]
    for (const papers of orders) {
      const found = bundle(papers)
      assert.deepEqual(subjects(found), [HOST, 'lower', 'upper'])
      assert.equal(found?.end, 'trusted')
      assert.ok(found.key?.equals(leaf.key))
      assert.deepEqual(
        found.leftOut.map(({ reason }) => reason),
        papers.includes(root) ? ['root'] : [],
      )
    }
  })

  it('writes PEM that begins with the certificate of the host', () => {
    const found = bundle([root, upper, lower, leaf])
    assert.ok(found)
    assert.equal(bundleToPem(found), `${leaf.pem}${lower.pem}${upper.pem}`)
  })

  it('says which issuer is missing', () => {
    const found = bundle([leaf, upper, root])
    assert.deepEqual(subjects(found), [HOST])
    assert.equal(found?.end, 'incomplete')
    assert.equal(found.missing?.issuer, 'Paper lower')
    assert.deepEqual(
      describeEnd(found).map(({ code }) => code),
      ['INTERMEDIATE_MISSING'],
    )
  })

  it('is complete where the root is not given but trusted, and without trust where it is given only', () => {
    assert.equal(bundle([leaf, lower, upper])?.end, 'trusted')
    assert.equal(bundle([leaf, lower, upper, root], { roots: [] })?.end, 'untrusted')
    assert.equal(bundle([leaf, lower, upper], { roots: [], ownRoots: [root.certificate] })?.end, 'untrusted')
    assert.equal(bundle([leaf, lower, upper], { roots: [] })?.end, 'incomplete')
  })

  it('leaves out an expired cross-sign, and ends at the newer root (AddTrust, 2020)', () => {
    const old = makePaper('Old root', { days: [-900, -1] })
    const crossSigned = makePaper('Paper root', { by: old, keyOf: root, days: [-900, -1] })
    const found = bundle([old, crossSigned, upper, lower, leaf])
    assert.deepEqual(subjects(found), [HOST, 'lower', 'upper'])
    assert.equal(found?.end, 'trusted')
    assert.deepEqual(found.leftOut.map(({ reason }) => reason).toSorted(), ['expired', 'root'])
  })

  it('keeps a cross-sign that is valid and helps old clients, but not one that leads away from trust', () => {
    const older = makePaper('Older root')
    const crossSigned = makePaper('Paper root', { by: older, keyOf: root })
    const papers = [crossSigned, upper, lower, leaf]
    const helpful = bundle(papers, { roots: [root.certificate, older.certificate] })
    assert.deepEqual(subjects(helpful), [HOST, 'lower', 'upper', 'root'])
    assert.equal(helpful?.end, 'trusted')
    const leading = bundle(papers)
    assert.deepEqual(subjects(leading), [HOST, 'lower', 'upper'])
    assert.equal(leading?.end, 'trusted')
  })

  it('takes the intermediate that is valid longest of two with one key', () => {
    const renewed = makePaper('Paper lower', { by: upper, keyOf: lower, days: [-1, 900] })
    const found = bundle([leaf, lower, renewed, upper])
    assert.equal(found?.chain[1]?.fingerprint256, renewed.certificate.fingerprint256)
    assert.deepEqual(
      found?.leftOut.map(({ reason }) => reason),
      ['not-needed'],
    )
  })

  it('does not take an issuer for its name alone', () => {
    const impostor = makePaper('Paper lower', { by: upper })
    const found = bundle([leaf, impostor, upper])
    assert.deepEqual(subjects(found), [HOST])
    assert.equal(found?.end, 'incomplete')
  })

  it('says that the only issuer has expired', () => {
    const expired = makePaper('Paper lower', { by: upper, keyOf: lower, days: [-20, -1] })
    const found = bundle([leaf, expired, upper])
    assert.equal(found?.missing?.isExpired, true)
    assert.deepEqual(found && describeEnd(found).map(({ code }) => code), ['INTERMEDIATE_EXPIRED'])
  })

  it('finds the certificate by its key before its names, the newest of several', () => {
    const other = makePaper('other.example.com', { by: lower, names: ['other.example.com'] })
    const renewed = makePaper(HOST, { by: lower, names: [HOST], keyOf: leaf, days: [-1, 300] })
    const found = bundle([other, leaf, renewed, lower, upper])
    assert.equal(found?.leaf.fingerprint256, renewed.certificate.fingerprint256)
    assert.deepEqual(found?.leftOut.map(({ reason }) => reason).toSorted(), ['other-host', 'other-host'])
    assert.equal(bundle([other, lower], { keys: [other.key] })?.leaf.subject, 'CN=other.example.com')
  })

  it('finds the certificate by its names where there is no key for any', () => {
    const other = makePaper('other.example.com', { by: lower, names: ['other.example.com'] })
    const found = bundle([other, lower, leaf], { keys: [other.key].slice(1) })
    assert.equal(found?.leaf.fingerprint256, leaf.certificate.fingerprint256)
    assert.equal(found?.key, undefined)
  })

  it('finds nothing among certificates of CAs', () => {
    assert.equal(bundle([root, upper, lower]), undefined)
    assert.equal(bundle([]), undefined)
  })

  it('drops duplicates', () => {
    const found = bundle([leaf, lower, leaf, upper, lower])
    assert.deepEqual(subjects(found), [HOST, 'lower', 'upper'])
    assert.deepEqual(
      found?.leftOut.map(({ reason }) => reason),
      ['duplicate', 'duplicate'],
    )
  })

  it('takes a self-signed certificate as it is', () => {
    const own = makePaper('own.example.com', { names: ['own.example.com'] })
    const found = bundle([own], { keys: [own.key] })
    assert.deepEqual([found?.end, found?.chain.length], ['self-signed', 1])
    assert.equal(bundle([own], { keys: [own.key], roots: [own.certificate] })?.end, 'trusted')
  })

  it('ends with CAs that sign each other in a circle', () => {
    const a = makePaper('Circle a')
    const b = makePaper('Circle b', { by: a })
    const again = makePaper('Circle a', { by: b, keyOf: a })
    const end = makePaper(HOST, { by: b, names: [HOST] })
    const found = bundle([end, b, again, a], { keys: [end.key], roots: [] })
    assert.equal(found?.leaf.fingerprint256, end.certificate.fingerprint256)
    assert.ok((found?.chain.length ?? 99) <= 4)
  })
})
