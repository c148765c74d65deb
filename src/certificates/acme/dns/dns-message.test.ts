import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FUZZ_SHARE } from '../../../../test/support/content/fuzz-share.ts'
import { SeededRandom } from '../../../../test/support/content/seeded-random.ts'
import { encodeName, encodeUpdate, readReply, signMessage, type TsigKey } from './dns-message.ts'

const KEY: TsigKey = { name: 'key.example.com', algorithm: 'hmac-sha256', secret: Buffer.alloc(32, 1) }
const UPDATE = { id: 0x1234, zone: 'example.com', name: '_acme-challenge.example.com', value: 'abc' } as const

describe('`encodeUpdate()`', () => {
  const zone = '076578616d706c6503636f6d00'
  const name = `0f5f61636d652d6368616c6c656e6765${zone}`

  test('adds one record', () => {
    const expected = `123428000001000000010000${zone}00060001${name}00100001${'0000003c'}000403616263`
    assert.equal(encodeUpdate({ ...UPDATE, action: 'add' }).toString('hex'), expected)
  })

  test('removes that record alone: class NONE, no time to live', () => {
    const expected = `123428000001000000010000${zone}00060001${name}001000fe${'00000000'}000403616263`
    assert.equal(encodeUpdate({ ...UPDATE, action: 'remove' }).toString('hex'), expected)
  })

  test('refuses what does not fit', () => {
    assert.throws(() => encodeUpdate({ ...UPDATE, action: 'add', value: 'x'.repeat(256) }), RangeError)
  })
})

describe('`encodeName()`', () => {
  test('is lower case, with or without the dot at its end', () => {
    assert.deepEqual(encodeName('Example.COM.'), encodeName('example.com'))
  })

  for (const name of ['', 'a..b', `${'a'.repeat(64)}.com`, `${'a.'.repeat(127)}com`])
    test(`refuses ${JSON.stringify(name.slice(0, 20))}`, () => {
      assert.throws(() => encodeName(name), RangeError)
    })
})

describe('`readReply()`', () => {
  const request = signMessage(encodeUpdate({ ...UPDATE, action: 'add' }), KEY, Date.UTC(2026, 0, 1))
  const signing = { key: KEY, requestMac: request.mac }

  test('reads an unsigned refusal', () => {
    const reply = Buffer.from('1234a8050000000000000000', 'hex')
    assert.deepEqual(readReply(reply, signing), {
      id: 0x1234,
      isTruncated: false,
      rcode: 5,
      tsigError: undefined,
    })
  })

  test('refuses a signature that is not over the reply and the request', () => {
    // Our own message, sent back to us: signed by the right key, but not a reply.
    assert.throws(() => readReply(request.bytes, signing), /signature of the reply is wrong/)
  })

  test('ends for any bytes, with a reading or an error', () => {
    const random = new SeededRandom('dns replies')
    for (let round = 0; round < 20_000 * FUZZ_SHARE; round++) {
      const bytes = Buffer.from(random.chance(0.5) ? request.bytes : Buffer.alloc(random.between(0, 80)))
      for (let change = random.between(0, 6); change > 0 && bytes.length > 0; change--)
        bytes[random.between(0, bytes.length - 1)] = random.between(0, 255)
      const cut = bytes.subarray(0, random.chance(0.3) ? random.between(0, bytes.length) : bytes.length)
      try {
        const reply = readReply(cut, signing)
        // No random change may pass for a signed success.
        assert.ok(reply.tsigError !== 0, cut.toString('hex'))
      } catch (error) {
        assert.ok(error instanceof RangeError || /signature/.test(String(error)), String(error))
      }
    }
  })
})
