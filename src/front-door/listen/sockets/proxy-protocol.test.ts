import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FUZZ_SHARE } from '../../../../test/support/content/fuzz-share.ts'
import { SeededRandom } from '../../../../test/support/content/seeded-random.ts'
import { readProxyHeader } from './proxy-protocol.ts'

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')

function makeV2(command: number, family: number, content: Buffer): Buffer {
  const length = Buffer.from([content.length >> 8, content.length & 255])
  return Buffer.concat([SIGNATURE, Buffer.from([command, family]), length, content])
}

const IPV4 = Buffer.from([203, 0, 113, 7, 10, 0, 0, 1, 0xdd, 0xd5, 1, 0xbb])
const IPV6 = Buffer.concat([
  Buffer.from('20010db8000000000000000000000007', 'hex'),
  Buffer.from('fe800000000000000000000000000001', 'hex'),
  Buffer.from([0xdd, 0xd5, 1, 0xbb]),
])
const MAPPED = Buffer.concat([Buffer.from('00000000000000000000ffffcb007107', 'hex'), IPV6.subarray(16)])
/** ALPN and a CRC, as proxies append. */
const FIELDS = Buffer.from([1, 0, 2, 104, 50, 3, 0, 4, 1, 2, 3, 4])

const v4 = { address: '203.0.113.7', port: 56_789 }
const v6 = { address: '2001:db8::7', port: 56_789 }
const HEADERS: Readonly<Record<string, readonly [bytes: Buffer | string, source: typeof v4 | undefined]>> = {
  'version 1, IPv4': ['PROXY TCP4 203.0.113.7 10.0.0.1 56789 443\r\n', v4],
  'version 1, IPv6': ['PROXY TCP6 2001:DB8:0::7 fe80::1 56789 443\r\n', v6],
  'version 1, IPv4 in IPv6': ['PROXY TCP6 ::ffff:203.0.113.7 ::1 56789 443\r\n', v4],
  'version 1, unknown': ['PROXY UNKNOWN\r\n', undefined],
  'version 1, unknown with addresses': ['PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n', undefined],
  'version 2, IPv4': [makeV2(0x21, 0x11, IPV4), v4],
  'version 2, IPv6': [makeV2(0x21, 0x21, IPV6), v6],
  'version 2, IPv4 in IPv6': [makeV2(0x21, 0x21, MAPPED), v4],
  'version 2, with fields': [makeV2(0x21, 0x11, Buffer.concat([IPV4, FIELDS])), v4],
  'version 2, for itself': [makeV2(0x20, 0x11, IPV4), undefined],
  'version 2, for itself, empty': [makeV2(0x20, 0, Buffer.alloc(0)), undefined],
  'version 2, Unix sockets': [makeV2(0x21, 0x31, Buffer.alloc(216)), undefined],
  'version 2, not said': [makeV2(0x21, 0, FIELDS), undefined],
}
for (const [what, [content, source]] of Object.entries(HEADERS)) {
  test(`\`readProxyHeader()\` reads ${what}, once it is whole`, () => {
    const bytes = Buffer.from(content as string, 'latin1')
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(readProxyHeader(bytes.subarray(0, length)).kind, 'incomplete', `${length} bytes`)
    }
    const expected = { kind: 'header', length: bytes.length, source }
    assert.deepEqual(readProxyHeader(bytes), expected)
    assert.deepEqual(readProxyHeader(Buffer.concat([bytes, Buffer.from('GET / HTTP/1.1\r\n')])), expected)
  })
}

const BAD: Readonly<Record<string, Buffer | string>> = {
  'a family it does not know': 'PROXY UDP4 1.2.3.4 1.2.3.4 1 1\r\n',
  'IPv6 as IPv4': 'PROXY TCP4 ::1 ::1 1 1\r\n',
  'an address that is none': 'PROXY TCP4 1.2.3.400 1.2.3.4 1 1\r\n',
  'a port too many': 'PROXY TCP4 1.2.3.4 1.2.3.4 65536 1\r\n',
  'a port with zeros': 'PROXY TCP4 1.2.3.4 1.2.3.4 01 1\r\n',
  'two spaces': 'PROXY  TCP4 1.2.3.4 1.2.3.4 1 1\r\n',
  'too few words': 'PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n',
  'too many words': 'PROXY TCP4 1.2.3.4 1.2.3.4 1 1 1\r\n',
  'a line longer than any': `PROXY UNKNOWN ${'x'.repeat(120)}\r\n`,
  'a line that never ends': `PROXY UNKNOWN ${'x'.repeat(94)}`,
  'another version': makeV2(0x31, 0x11, IPV4),
  'another command': makeV2(0x22, 0x11, IPV4),
  'too few bytes for its addresses': makeV2(0x21, 0x11, IPV4.subarray(1)),
  'too few bytes for IPv6': makeV2(0x21, 0x21, IPV4),
  'more fields than any': makeV2(0x21, 0x11, Buffer.alloc(521)),
}
for (const [what, content] of Object.entries(BAD)) {
  test(`\`readProxyHeader()\` refuses ${what}`, () => {
    assert.equal(readProxyHeader(Buffer.from(content as string, 'latin1')).kind, 'malformed')
  })
}

test('`readProxyHeader()` sees at once that another protocol begins', () => {
  for (const text of ['GET / HTTP/1.1\r\n', 'PUT', 'PROXYX', '\x16\x03\x01', '\r\n\r\nG']) {
    assert.equal(readProxyHeader(Buffer.from(text, 'latin1')).kind, 'absent', text)
  }
})

test('`readProxyHeader()` answers any bytes, and does not change its mind when more come', () => {
  const random = new SeededRandom('proxy-header')
  const headers = Object.values(HEADERS).map(([content]) => Buffer.from(content as string, 'latin1'))
  for (let round = 0; round < 40_000 * FUZZ_SHARE; round++) {
    const bytes = Buffer.concat([
      random.pick(headers) ?? Buffer.alloc(0),
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    ])
    for (let edit = random.between(0, 4); edit > 0; edit--) {
      bytes[random.between(0, 40)] = random.between(0, 255)
    }
    const early = readProxyHeader(bytes.subarray(0, random.between(0, bytes.length)))
    const late = readProxyHeader(bytes)
    if (early.kind !== 'incomplete') assert.deepEqual(late, early)
    if (late.kind === 'header') assert.ok(late.length <= 536)
  }
})
