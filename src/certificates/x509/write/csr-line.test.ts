import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCsrLine, parseCsrLine } from './csr-line.ts'

const LINE =
  'openssl req -new -newkey rsa:2048 -nodes -out www_example_com.csr -keyout www_example_com.key -subj "/C=US/ST=Utah/L=Lehi/O=Example Inc/OU=IT/CN=www.example.com"'

test('`parseCsrLine()` reads the line of the CSR page', () => {
  assert.deepEqual(parseCsrLine(LINE), {
    names: ['www.example.com'],
    subject: [
      ['C', 'US'],
      ['ST', 'Utah'],
      ['L', 'Lehi'],
      ['O', 'Example Inc'],
      ['OU', 'IT'],
      ['CN', 'www.example.com'],
    ],
    keyType: 'rsa-2048',
    csrFile: 'www_example_com.csr',
    keyFile: 'www_example_com.key',
  })
})

const READ: readonly (readonly [
  what: string,
  line: string,
  expected: Partial<ReturnType<typeof parseCsrLine>>,
])[] = [
  [
    'empty parts, a wildcard and files named star_',
    'openssl req -new -newkey rsa:4096 -nodes -out star_example_com.csr -keyout star_example_com.key -subj "/C=DE/ST=/L=/O=/OU=/CN=*.example.com"',
    {
      names: ['*.example.com'],
      keyType: 'rsa-4096',
      csrFile: 'star_example_com.csr',
      subject: [
        ['C', 'DE'],
        ['CN', '*.example.com'],
      ],
    },
  ],
  [
    'alternative names',
    'openssl req -new -newkey rsa:2048 -noenc -utf8 -sha256 -subj /CN=a.example.com -addext "subjectAltName = DNS:a.example.com, DNS:b.example.com,IP:10.0.0.1"',
    { names: ['a.example.com', 'b.example.com', '10.0.0.1'] },
  ],
  [
    'elliptic curves',
    'openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:secp384r1 -nodes -subj /CN=a.example.com',
    { keyType: 'ec-384' },
  ],
  [
    'the pair of commands for elliptic curves',
    'openssl ecparam -out a.key -name prime256v1 -genkey && openssl req -new -key a.key -nodes -out a.csr -subj "/CN=a.example.com"',
    { keyType: 'ec-256', keyFile: 'a.key', csrFile: 'a.csr' },
  ],
  ['a prompt before it', `$ ${LINE}`, { names: ['www.example.com'] }],
  ['lines that go on', LINE.replaceAll(' -', ' \\\n  -'), { names: ['www.example.com'] }],
  [
    'quotes of a word processor',
    LINE.replace('"', '\u201c').replace('"', '\u201d'),
    { names: ['www.example.com'] },
  ],
]
for (const [what, line, expected] of READ) {
  test(`\`parseCsrLine()\` reads ${what}`, () => {
    const read = parseCsrLine(line)
    for (const [name, value] of Object.entries(expected)) {
      assert.deepEqual(read[name as keyof typeof read], value)
    }
  })
}

test('`parseCsrLine()` takes a slash without a name of a part as part of the value', () => {
  const { subject } = parseCsrLine(`openssl req -new -subj '/O=A\\/B/C Inc/CN=a.example.com'`)
  assert.deepEqual(subject, [
    ['O', 'A/B/C Inc'],
    ['CN', 'a.example.com'],
  ])
})

const REFUSED: readonly (readonly [line: string, why: RegExp])[] = [
  ['openssl req -new -newkey rsa:2048', /names no host/],
  ['openssl req -new -newkey rsa:1024 -subj /CN=a', /1024 bits/],
  ['openssl req -new -newkey dsa:x -subj /CN=a', /-newkey dsa:x/],
  ['openssl x509 -in a.crt', /x509 does not make a request/],
  ['openssl req -new -config my.cnf -subj /CN=a', /-config is not understood/],
  ['openssl req -new -subj', /not followed by a value/],
  ['openssl req -new -subj "/CN=a', /not closed/],
  ['openssl req -new -subj "/XX=a/CN=b"', /"XX" of -subj/],
  ['openssl req -new -subj /CN=a.example.com ; rm -rf /', /"rm" is no openssl command/],
  [`openssl req -subj "/CN=${'a'.repeat(9000)}"`, /too long/],
]
for (const [line, why] of REFUSED) {
  test(`\`parseCsrLine()\` refuses ${line.slice(0, 60)}`, () => {
    assert.throws(() => parseCsrLine(line), {
      name: 'CertificateError',
      code: 'CSR_LINE_INVALID',
      message: why,
    })
  })
}

test('`isCsrLine()` tells a line from a name', () => {
  assert.deepEqual(
    ['openssl req', ' $ openssl req', 'openssl.example.com', 'www.example.com'].map(isCsrLine),
    [true, true, false, false],
  )
})
