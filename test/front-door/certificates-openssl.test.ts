import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { checkCertificate } from '../../src/certificates/check/check-certificate.ts'
import { prepareInstall } from '../../src/certificates/install/prepare-install.ts'
import { LocalAuthority } from '../../src/certificates/own-ca/local-ca.ts'
import { readMailedFiles } from '../../src/certificates/x509/mailed-files.ts'
import { makeCsr } from '../../src/certificates/x509/write/csr.ts'
import { makeSelfSigned } from '../../src/certificates/x509/write/self-signed.ts'
import { part, skipReason } from '../parts/find-parts.ts'
import { mailCertificates } from '../support/certificates/mail-certificates.ts'
import { runCommand, runOk } from '../support/machine/run-command.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { runCli } from '../support/program/run-cli.ts'

const HOST = 'registry.example.test'
const KEY_TYPES = ['rsa-2048', 'rsa-3072', 'rsa-4096', 'ec-256', 'ec-384'] as const

/** A folder with the CSR of a host, and the files that a CA mailed for it. */
async function openMail() {
  const temp = await makeTempFolder('openssl')
  const cwd = temp.path
  const { code, stderr } = await runCli(['cert', 'csr', HOST, `www.${HOST}`], { cwd })
  assert.equal(code, 0, stderr)
  const stem = HOST.replaceAll('.', '_')
  const mailed = await mailCertificates(cwd, join(cwd, `${stem}.csr`))
  const file = (name: string): string => join(cwd, name)
  return {
    mailed,
    file,
    keyFile: file(`${stem}.key`),
    /** Codes of the findings about a certificate with its intermediates. */
    check: async (name: string) => {
      const read = async (file: string) => ({ name: file, bytes: await readFile(join(cwd, file)) })
      const readCertificates = async (...files: string[]) =>
        readMailedFiles(await Promise.all(files.map(read))).certificates.map(({ value }) => value)
      const { findings } = checkCertificate({
        certificates: await readCertificates(name, 'lower.crt', 'upper.crt'),
        keys: undefined,
        hosts: [HOST],
        roots: await readCertificates('root.crt'),
        now: Date.now(),
      })
      return findings.map(({ code }) => code)
    },
    openssl: (...args: string[]) => runOk(part('openssl'), args, { cwd }),
    read: async (...names: string[]) =>
      readMailedFiles(
        await Promise.all(
          names.map(async (name) => ({ name: file(name), bytes: await readFile(file(name)) })),
        ),
      ),
    [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose](),
  }
}

describe('certificates beside openssl', { skip: skipReason('openssl') }, () => {
  for (const keyType of KEY_TYPES) {
    it(`makes a CSR that openssl verifies: ${keyType}`, async () => {
      await using temp = await makeTempFolder('openssl')
      const { csrPem, keyPem } = await makeCsr({
        names: ['www.bücher.example', '*.example.com', '192.0.2.1', '2001:db8::1'],
        subject: [
          ['C', 'DE'],
          ['O', 'Bücher & Söhne, GmbH'],
        ],
        keyType,
      })
      await writeFile(join(temp.path, 'csr'), csrPem)
      await writeFile(join(temp.path, 'key'), keyPem)
      const run = (...args: string[]) => runCommand(part('openssl'), args, { cwd: temp.path })
      const { stdout, stderr } = await run(
        'req',
        '-in',
        'csr',
        '-verify',
        '-noout',
        '-text',
        '-nameopt',
        'utf8,sep_comma_plus',
      )
      assert.match(`${stdout}${stderr}`, /verify OK/i)
      assert.match(stdout, /Subject: C=DE,O=Bücher & Söhne, GmbH,CN=www\.xn--bcher-kva\.example/)
      assert.match(
        stdout,
        /DNS:www\.xn--bcher-kva\.example, DNS:\*\.example\.com, IP Address:192\.0\.2\.1, IP Address:2001:DB8:0:0:0:0:0:1/,
      )
      const [fromCsr, fromKey] = await Promise.all([
        run('req', '-in', 'csr', '-pubkey', '-noout'),
        run('pkey', '-in', 'key', '-pubout'),
      ])
      assert.equal(fromCsr.stdout, fromKey.stdout)
    })
  }

  it('makes certificates of its own that openssl takes at its strictest, and constrains its CA', async () => {
    await using temp = await makeTempFolder('openssl')
    const authority = await LocalAuthority.open({ folder: join(temp.path, 'ca') })
    const own = await makeSelfSigned({
      names: ['own.example'],
      keyType: 'rsa-2048',
      days: 30,
      now: Date.now(),
    })
    await writeFile(join(temp.path, 'ca.crt'), authority.certificatePem)
    await writeFile(join(temp.path, 'own.crt'), own.chainPem)
    const verify = (...args: string[]) =>
      runOk(part('openssl'), ['verify', '-x509_strict', '-purpose', 'sslserver', ...args], { cwd: temp.path })
    for (const name of ['app.local', '*.dev.internal', 'localhost', 'registry']) {
      await writeFile(join(temp.path, 'leaf.crt'), authority.issue([name]).chainPem)
      await verify('-verify_hostname', name.replace('*', 'x'), '-CAfile', 'ca.crt', 'leaf.crt')
    }
    await writeFile(join(temp.path, 'leaf.crt'), authority.issue(['10.1.2.3', 'fd00::1']).chainPem)
    await verify('-verify_ip', '10.1.2.3', '-CAfile', 'ca.crt', 'leaf.crt')
    await verify('-verify_hostname', 'own.example', '-CAfile', 'own.crt', 'own.crt')
    await assertConstrained(temp.path)
  })

  it('reads PKCS #7, DER and PEM made by openssl, and orders each into a chain openssl verifies', async () => {
    await using room = await openMail()
    const { openssl, keyFile } = room
    const files = ['root.crt', 'upper.crt', 'lower.crt', 'leaf.crt']
    const inputs = files.flatMap((name) => ['-certfile', name])
    await openssl('crl2pkcs7', '-nocrl', ...inputs, '-out', 'all.p7b')
    await openssl('crl2pkcs7', '-nocrl', ...inputs, '-outform', 'DER', '-out', 'all.der.p7b')
    for (const name of files)
      await openssl('x509', '-in', name, '-outform', 'DER', '-out', name.replace('crt', 'cer'))
    const glued = await Promise.all(files.map((name) => readFile(room.file(name), 'utf8')))
    await writeFile(
      room.file('glued.pem'),
      `\uFEFF${glued.map((text) => text.trimEnd()).join('')}`.replaceAll('\n', '\r\n'),
    )
    await openssl('x509', '-in', 'leaf.crt', '-text', '-out', 'with-text.crt')
    const forms = [
      files,
      ['all.p7b'],
      ['all.der.p7b'],
      files.map((name) => name.replace('crt', 'cer')),
      ['glued.pem'],
      ['lower.crt', 'with-text.crt', 'upper.cer'],
    ]
    const root = (await room.read('root.crt')).certificates.map(({ value }) => value)
    const key = { name: keyFile, bytes: await readFile(keyFile) }
    for (const names of forms) {
      const content = await room.read(...names)
      const prepared = await prepareInstall({
        content: { ...content, keys: readMailedFiles([key]).keys },
        host: HOST,
        roots: root,
        now: Date.now(),
        isForced: false,
        mayFetch: () => Promise.resolve(false),
      })
      assert.equal(prepared.bundle.chain.length, 3, names.join())
      await writeFile(room.file('bundle.crt'), prepared.chainPem)
      await openssl(
        'verify',
        '-CAfile',
        'root.crt',
        '-untrusted',
        'bundle.crt',
        '-verify_hostname',
        HOST,
        'bundle.crt',
      )
    }
  })

  it('reads every form in which openssl writes keys', async () => {
    await using room = await openMail()
    const { openssl, keyFile } = room
    const pass = ['-passout', 'pass:open sesame']
    await openssl('rsa', '-in', keyFile, '-traditional', '-out', 'pkcs1.pem')
    await openssl('rsa', '-in', keyFile, '-outform', 'DER', '-traditional', '-out', 'pkcs1.der')
    await openssl('pkcs8', '-in', keyFile, '-topk8', '-nocrypt', '-outform', 'DER', '-out', 'pkcs8.der')
    await openssl('pkcs8', '-in', keyFile, '-topk8', '-v2', 'aes-256-cbc', ...pass, '-out', 'encrypted.pem')
    await openssl(
      'pkcs8',
      '-in',
      keyFile,
      '-topk8',
      '-v2',
      'aes-128-cbc',
      ...pass,
      '-outform',
      'DER',
      '-out',
      'encrypted.der',
    )
    await openssl('rsa', '-in', keyFile, '-aes128', '-traditional', ...pass, '-out', 'legacy.pem')
    const leaf = (await room.read('leaf.crt')).certificates[0]?.value
    for (const name of [
      'pkcs1.pem',
      'pkcs1.der',
      'pkcs8.der',
      'encrypted.pem',
      'encrypted.der',
      'legacy.pem',
    ]) {
      const files = [{ name, bytes: await readFile(room.file(name)) }]
      const { keys } = readMailedFiles(files, 'open sesame')
      assert.ok(keys[0] && leaf?.checkPrivateKey(keys[0].value), name)
      const isSecret = /encrypted|legacy/.test(name)
      assert.deepEqual(readMailedFiles(files).encryptedKeys, isSecret ? [name] : [], name)
    }
    await openssl('pkcs12', '-export', '-in', 'leaf.crt', '-inkey', keyFile, ...pass, '-out', 'all.pfx')
    assert.match((await room.read('all.pfx')).problems[0]?.value ?? '', /is a PFX .*openssl pkcs12 -in FILE/)
  })

  it('accepts and refuses the chains that openssl accepts and refuses', async () => {
    await using room = await openMail()
    const { openssl } = room
    const roots = (await room.read('root.crt')).certificates.map(({ value }) => value)
    const served: readonly (readonly string[])[] = [
      ['leaf.crt', 'lower.crt', 'upper.crt'],
      ['leaf.crt', 'lower.crt'],
      ['leaf.crt', 'upper.crt'],
      ['leaf.crt'],
      ['leaf.crt', 'lower.crt', 'upper.crt', 'root.crt'],
    ]
    for (const names of served) {
      const texts = await Promise.all(names.map((name) => readFile(room.file(name), 'utf8')))
      await writeFile(room.file('served.pem'), texts.join(''))
      const theirs = await openssl(
        'verify',
        '-CAfile',
        'root.crt',
        '-untrusted',
        'served.pem',
        'leaf.crt',
      ).then(
        () => true,
        () => false,
      )
      const certificates = (await room.read('served.pem')).certificates.map(({ value }) => value)
      const ours = checkCertificate({ certificates, keys: undefined, hosts: [HOST], roots, now: Date.now() })
      assert.equal(ours.isAccepted, theirs, names.join())
    }
  })

  const flaws: readonly (readonly [code: string, extensions: string, ...flags: string[]])[] = [
    ['MUST_STAPLE', 'tlsfeature=status_request'],
    ['NO_SERVER_USE', 'extendedKeyUsage=clientAuth'],
    ['LEAF_IS_CA', 'basicConstraints=CA:TRUE'],
    ['SIGNATURE_WEAK', 'extendedKeyUsage=serverAuth', '-sha1'],
  ]
  for (const [code, extensions, ...flags] of flaws) {
    it(`finds what openssl puts into a certificate: ${code}`, async () => {
      await using room = await openMail()
      await writeFile(
        room.file('flawed.ext'),
        `subjectAltName=DNS:${HOST}\nauthorityKeyIdentifier=keyid\n${extensions}\n`,
      )
      const by = [
        '-CA',
        'lower.crt',
        '-CAkey',
        'lower.key',
        '-CAcreateserial',
        '-extfile',
        'flawed.ext',
        '-days',
        '90',
      ]
      await room.openssl('x509', '-req', '-in', 'leaf.csr', ...by, ...flags, '-out', 'flawed.crt')
      assert.deepEqual(await room.check('flawed.crt'), [code])
    })
  }

  it('finds a certificate that was changed after it was signed', async () => {
    await using room = await openMail()
    await room.openssl('x509', '-in', 'leaf.crt', '-outform', 'DER', '-out', 'leaf.cer')
    const bytes = await readFile(room.file('leaf.cer'))
    bytes[bytes.indexOf(`www.${HOST}`)] = 'v'.charCodeAt(0)
    await writeFile(room.file('changed.cer'), bytes)
    const codes = await room.check('changed.cer')
    assert.ok(codes.includes('SIGNATURE_INVALID'), codes.join())
  })
})

/** A certificate for a public name that the CA's own key has signed is refused by its constraints. */
async function assertConstrained(folder: string): Promise<void> {
  const openssl = (...args: string[]) => runCommand(part('openssl'), args, { cwd: folder })
  await writeFile(join(folder, 'ext'), 'subjectAltName=DNS:www.example.com\nextendedKeyUsage=serverAuth\n')
  await openssl(
    'req',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    'evil.key',
    '-subj',
    '/CN=x',
    '-out',
    'evil.csr',
  )
  const by = ['-CA', 'ca/authority.pem', '-CAkey', 'ca/authority.pem', '-CAcreateserial', '-extfile', 'ext']
  const signed = await openssl('x509', '-req', '-in', 'evil.csr', ...by, '-days', '9', '-out', 'evil.crt')
  assert.equal(signed.code, 0, signed.stderr)
  const { code, stdout, stderr } = await openssl('verify', '-CAfile', 'ca.crt', 'evil.crt')
  assert.notEqual(code, 0)
  assert.match(`${stdout}${stderr}`, /permitted subtree violation/)
}
