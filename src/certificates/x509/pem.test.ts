import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatPem, type PemOddity, parsePem } from './pem.ts'

const BYTES = Buffer.from('thirty-two bytes or a few more, to have two lines of base64 here')
const PEM = formatPem('CERTIFICATE', BYTES)

const READ: readonly (readonly [what: string, bytes: Buffer, oddities: readonly PemOddity[]])[] = [
  ['as it should be', Buffer.from(PEM), []],
  ['line ends of Windows', Buffer.from(PEM.replaceAll('\n', '\r\n')), ['crlf']],
  ['line ends of old Macs', Buffer.from(PEM.replaceAll('\n', '\r')), ['crlf']],
  ['a byte order mark', Buffer.from(`\uFEFF${PEM}`), ['byte-order-mark']],
  ['UTF-16', Buffer.from(`\uFEFF${PEM}`, 'utf16le'), ['utf-16', 'byte-order-mark']],
  ['UTF-16, big end first', Buffer.from(`\uFEFF${PEM}`, 'utf16le').swap16(), ['utf-16', 'byte-order-mark']],
  ['one line', Buffer.from(PEM.replaceAll('\n', ' ')), []],
  ['\\n in place of line ends', Buffer.from(PEM.replaceAll('\n', '\\n')), ['escaped-line-ends']],
  ['a quoted mail', Buffer.from(`Hello,\n${PEM.replace(/^/gm, '> ')}`), ['quoted']],
  [
    'text around it',
    Buffer.from(`Bag Attributes\n  friendlyName: x\nsubject=CN = x\n${PEM}Yours, the CA`),
    [],
  ],
  ['spaces at the ends of lines', Buffer.from(PEM.replaceAll('\n', ' \t\n')), []],
]

for (const [what, bytes, oddities] of READ) {
  test(`\`parsePem()\` reads ${what}`, () => {
    const read = parsePem(bytes)
    assert.deepEqual(
      read.blocks.map(({ label, bytes: content }) => [label, content?.toString()]),
      [['CERTIFICATE', BYTES.toString()]],
    )
    // The mark itself is gone once UTF-16 was read.
    const expected = what.startsWith('UTF-16') ? ['utf-16'] : oddities
    assert.deepEqual(read.oddities, expected)
  })
}

test('`parsePem()` reads blocks that are glued together', () => {
  const { blocks, oddities } = parsePem(Buffer.from(`${PEM.trimEnd()}${PEM}`))
  assert.equal(blocks.length, 2)
  assert.deepEqual(oddities, ['glued'])
  assert.deepEqual(blocks[0]?.bytes, blocks[1]?.bytes)
})

test('`parsePem()` keeps the headers of an encrypted key for the reader behind it', () => {
  const text = `-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n${BYTES.toString('base64')}\n-----END RSA PRIVATE KEY-----\n`
  const [block] = parsePem(Buffer.from(text)).blocks
  assert.equal(block?.isEncrypted, true)
  assert.match(
    block?.text ?? '',
    /^-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n/,
  )
})

const BROKEN: readonly (readonly [what: string, text: string, problem: RegExp])[] = [
  ['a block that was cut off', PEM.slice(0, -30), /END line is missing/],
  [
    'a block whose end is that of another',
    PEM.replace('END CERTIFICATE', 'END PKCS7'),
    /END line is missing/,
  ],
  ['what is no base64', PEM.replace(/\n.{10}/, '\n!!damaged!'), /no base64/],
  ['an empty block', '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----', /no base64/],
]
for (const [what, text, problem] of BROKEN) {
  test(`\`parsePem()\` tells ${what}, and reads the next one`, () => {
    const [broken, whole, more] = parsePem(Buffer.from(`${text}\n${PEM}`)).blocks
    assert.match(broken?.problem ?? '', problem)
    assert.equal(broken?.bytes, undefined)
    assert.deepEqual(whole?.bytes, BYTES)
    assert.equal(more, undefined)
  })
}

test('`parsePem()` finds nothing where there is nothing', () => {
  for (const text of ['', '-----BEGIN ', '-----BEGIN x-----', '-----BEGIN CERTIFICATE', '----'])
    assert.deepEqual(parsePem(Buffer.from(text)).blocks, [])
})
