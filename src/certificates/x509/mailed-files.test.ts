import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeMail, makePaper } from '../../../test/support/certificates/paper-ca.ts'
import { MAX_CERTIFICATE_FILE_BYTES, readMailedFiles } from './mailed-files.ts'

const rsa = makePaper('rsa.example.com', { names: ['rsa.example.com'], keyType: 'rsa-2048' })
const ec = makePaper('ec.example.com', { names: ['ec.example.com'] })
const mail = makeMail(['www.example.com'])

const read = (text: string | Buffer, passphrase?: string) =>
  readMailedFiles([{ name: 'file', bytes: Buffer.from(text) }], passphrase)

test('`readMailedFiles()` reads a certificate in DER, PEM and bare base64', () => {
  for (const bytes of [
    ec.certificate.raw,
    Buffer.from(ec.pem),
    Buffer.from(ec.certificate.raw.toString('base64')),
  ]) {
    const { certificates, problems } = read(bytes)
    assert.deepEqual(problems, [])
    assert.deepEqual(
      certificates.map(({ value }) => value.fingerprint256),
      [ec.certificate.fingerprint256],
    )
  }
})

test('`readMailedFiles()` reads keys in every form, also encrypted ones', () => {
  const forms = [
    rsa.key.export({ type: 'pkcs8', format: 'pem' }),
    rsa.key.export({ type: 'pkcs1', format: 'pem' }),
    rsa.key.export({ type: 'pkcs8', format: 'der' }),
    rsa.key.export({ type: 'pkcs1', format: 'der' }),
    rsa.key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'open sesame' }),
    rsa.key.export({ type: 'pkcs1', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'open sesame' }),
    rsa.key.export({ type: 'pkcs8', format: 'der', cipher: 'aes-256-cbc', passphrase: 'open sesame' }),
  ]
  for (const [index, form] of forms.entries()) {
    const { keys, problems, encryptedKeys } = read(form, 'open sesame')
    assert.deepEqual([problems, encryptedKeys], [[], []], `form ${index}`)
    assert.ok(keys[0]?.value.equals(rsa.key), `form ${index}`)
  }
  const sec1 = [
    ec.key.export({ type: 'sec1', format: 'pem' }),
    ec.key.export({ type: 'sec1', format: 'der' }),
  ]
  for (const form of sec1) assert.ok(read(form).keys[0]?.value.equals(ec.key))
})

test('`readMailedFiles()` says that a key is encrypted, without a passphrase and with a wrong one', () => {
  const options = { cipher: 'aes-256-cbc', passphrase: 'right' } as const
  for (const form of [
    rsa.key.export({ type: 'pkcs8', format: 'pem', ...options }),
    rsa.key.export({ type: 'pkcs1', format: 'pem', ...options }),
    rsa.key.export({ type: 'pkcs8', format: 'der', ...options }),
  ]) {
    for (const passphrase of [undefined, 'wrong']) {
      const { keys, encryptedKeys } = read(form, passphrase)
      assert.deepEqual([keys.length, encryptedKeys], [0, ['file']])
    }
  }
})

test('`readMailedFiles()` gathers what is in several files, and what is several times in one', () => {
  const { certificates, keys } = readMailedFiles([
    { name: 'a', bytes: Buffer.from(`${mail.root.pem}${mail.upper.pem}`) },
    { name: 'b', bytes: Buffer.from(`${mail.leaf.keyPem}${mail.leaf.pem}`) },
  ])
  assert.deepEqual(
    certificates.map(({ from, value }) => [from, value.subject]),
    [
      ['a', 'CN=Paper root'],
      ['a', 'CN=Paper upper'],
      ['b', 'CN=www.example.com'],
    ],
  )
  assert.deepEqual(
    keys.map(({ from }) => from),
    ['b'],
  )
})

const UNREADABLE: readonly (readonly [what: string, bytes: Buffer, problem: RegExp])[] = [
  ['nothing', Buffer.alloc(0), /is empty/],
  ['a ZIP archive', Buffer.from('PK\x03\x04and so on', 'latin1'), /ZIP archive: unpack it/],
  ['a Java key store', Buffer.from('feedfeed0000000200000001', 'hex'), /Java key store/],
  [
    'a PFX file',
    Buffer.from('3014020103300f06092a864886f70d010701a0020400', 'hex'),
    /openssl pkcs12 -in FILE/,
  ],
  ['text', Buffer.from('<html>404 Not Found</html>'), /neither a certificate nor a key/],
  ['too much', Buffer.alloc(MAX_CERTIFICATE_FILE_BYTES + 1, 0x20), /larger than 1 MiB/],
  [
    'a damaged certificate',
    Buffer.from(ec.pem.replace(/\n.{24}/, `\n${'A'.repeat(24)}`)),
    /content is damaged/,
  ],
  [
    'a damaged key',
    Buffer.from(ec.keyPem.replace(/\n.{24}/, `\n${'A'.repeat(24)}`)),
    /key whose content is damaged/,
  ],
]
for (const [what, bytes, problem] of UNREADABLE) {
  test(`\`readMailedFiles()\` says what to do with ${what}`, () => {
    const { certificates, keys, problems } = readMailedFiles([{ name: 'file', bytes }])
    assert.deepEqual([certificates, keys], [[], []])
    assert.match(problems.map(({ value }) => value).join(), problem)
  })
}

test('`readMailedFiles()` passes over requests and parameters without a word', () => {
  const text = `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${ec.keyPem}`
  const { keys, problems } = read(text)
  assert.deepEqual([keys.length, problems], [1, []])
})
