import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeMail } from '../../../test/support/certificates/paper-ca.ts'
import { FUZZ_SHARE } from '../../../test/support/content/fuzz-share.ts'
import { SeededRandom, seededBytes } from '../../../test/support/content/seeded-random.ts'
import { assertGrowsLinearly, measureCpuMs } from '../../../test/support/machine/cpu-time.ts'
import { checkCertificate } from '../check/check-certificate.ts'
import { parseServedChain } from '../check/served-chain.ts'
import { readBer, readBerList } from '../x509/ber.ts'
import { der, derInteger, derOid } from '../x509/der.ts'
import { readMailedFiles } from '../x509/mailed-files.ts'
import { parsePem } from '../x509/pem.ts'

const ROUNDS = 1_500 * FUZZ_SHARE
/** Longest time for one input of some KiB, in ms: anything near it would be quadratic. */
const MAX_MS = 500

const { root, upper, lower, leaf } = makeMail(['www.example.com'])
const p7 = der(
  0x30,
  derOid('1.2.840.113549.1.7.2'),
  der(
    0xa0,
    der(
      0x30,
      derInteger(Buffer.of(1)),
      der(0x31),
      der(0x30, derOid('1.2.840.113549.1.7.1')),
      der(0xa0, leaf.certificate.raw, lower.certificate.raw),
      der(0x31),
    ),
  ),
)
const record = (body: Buffer): Buffer =>
  Buffer.concat([Buffer.of(22, 3, 3, body.length >> 8, body.length & 0xff), body])
const uint24 = (value: number): Buffer => Buffer.of(value >> 16, (value >> 8) & 0xff, value & 0xff)
const listed = Buffer.concat([uint24(leaf.certificate.raw.length), leaf.certificate.raw])
const hello = record(Buffer.concat([Buffer.of(11), uint24(listed.length + 3), uint24(listed.length), listed]))

const SEEDS: readonly Buffer[] = [
  Buffer.from(`${root.pem}${upper.pem}${leaf.keyPem}${leaf.pem}`),
  Buffer.from(leaf.key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'x' })),
  leaf.certificate.raw,
  p7,
  Buffer.from(p7.toString('base64')),
  leaf.key.export({ type: 'sec1', format: 'der' }),
  Buffer.from(`\uFEFF${leaf.pem}`, 'utf16le'),
  hello,
]

/** A few bytes changed, removed, doubled or put elsewhere. */
function mutate(bytes: Buffer, random: SeededRandom): Buffer {
  let result = Buffer.from(bytes)
  for (let times = random.between(1, 6); times > 0; times--) {
    const at = random.between(0, Math.max(0, result.length - 1))
    const length = random.between(1, 40)
    const part = result.subarray(at, at + length)
    const rest = result.subarray(at + length)
    const kind = random.between(0, 4)
    if (kind === 0) result[at] = random.between(0, 255)
    else if (kind === 1) result = Buffer.concat([result.subarray(0, at), rest])
    else if (kind === 2) result = Buffer.concat([result.subarray(0, at), part, part, rest])
    else if (kind === 3) result = Buffer.concat([result.subarray(0, at), Buffer.of(0x30, 0x80), rest])
    else result = Buffer.concat([result, part])
  }
  return result
}

test('no input makes the readers throw, hang, or find what is not there', () => {
  const random = new SeededRandom('certificates')
  for (let round = 0; round < ROUNDS; round++) {
    const seed = SEEDS[round % SEEDS.length] ?? Buffer.alloc(0)
    const bytes = random.chance(0.1) ? seededBytes(`${round}`, random.between(0, 600)) : mutate(seed, random)
    const read = (): void => {
      parsePem(bytes)
      readBerList(bytes)
      parseServedChain(bytes)
      const { certificates, keys } = readMailedFiles([{ name: 'x', bytes }], 'x')
      checkCertificate({
        certificates: certificates.map(({ value }) => value),
        keys: keys.map(({ value }) => value),
        hosts: ['www.example.com'],
        roots: [root.certificate],
        now: Date.now(),
      })
    }
    assert.ok(measureCpuMs(read) < MAX_MS, `round ${round}: ${bytes.toString('base64')}`)
  }
})

test('the whole of each seed is read', () => {
  const counts = SEEDS.slice(0, 7).map((bytes) => {
    const { certificates, keys } = readMailedFiles([{ name: 'x', bytes }], 'x')
    return [certificates.length, keys.length]
  })
  assert.deepEqual(counts, [
    [3, 1],
    [0, 1],
    [1, 0],
    [2, 0],
    [2, 0],
    [0, 1],
    [1, 0],
  ])
  assert.equal(parseServedChain(hello)?.[0]?.fingerprint256, leaf.certificate.fingerprint256)
})

test('nesting without end and lists without end are bounded', () => {
  const deep = Buffer.alloc(200_000, Buffer.of(0x30, 0x80))
  assert.equal(readBer(deep), undefined)
  const long = Buffer.alloc(1_000_000, Buffer.of(0x05, 0x00))
  assert.ok(readBerList(long).length <= 5_000)
  const begins = Buffer.from('-----BEGIN CERTIFICATE-----'.repeat(30_000))
  assert.ok(parsePem(begins).blocks.length <= 500)
  for (const piece of ['-----BEGIN CERTIFICATE-----', '-----BEGIN x']) {
    assertGrowsLinearly((count) => {
      const bytes = Buffer.from(piece.repeat(count))
      return () => void parsePem(bytes)
    }, 40_000)
  }
})
