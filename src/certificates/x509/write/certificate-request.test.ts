import assert from 'node:assert/strict'
import { createHash, webcrypto, X509Certificate } from 'node:crypto'
import { describe, test } from 'node:test'
import * as x509 from '@peculiar/x509'
import { renewalInfoId } from '../../acme/client/renewal-info.ts'
import { makeAlpnCertificate } from './alpn-certificate.ts'
import { type CertificateKeyType, makeCertificateKey, makeCertificateRequest } from './certificate-request.ts'

const NAMES = ['app.example.com', '*.example.com', '192.0.2.7', '2001:db8::1', '::ffff:192.0.2.9']

describe('`makeCertificateRequest()`', () => {
  for (const type of ['ec-256', 'ec-384', 'rsa-2048'] satisfies CertificateKeyType[])
    test(`is signed by its own key of type ${type} and asks for all names`, async () => {
      const csr = makeCertificateRequest(NAMES, await makeCertificateKey(type))
      const request = new x509.Pkcs10CertificateRequest(csr)
      assert.equal(await request.verify(), true)
      assert.equal(request.subject, 'CN=app.example.com')
      const names = request.extensions.find((each) => each instanceof x509.SubjectAlternativeNameExtension)
      const found = names?.names.items.map(({ type: kind, value }) => `${kind}:${value}`)
      assert.deepEqual(found?.slice(0, 3), ['dns:app.example.com', 'dns:*.example.com', 'ip:192.0.2.7'])
      const raw = Buffer.from(names?.rawData ?? new ArrayBuffer(0)).toString('hex')
      assert.match(raw, /871020010db8000000000000000000000001/)
      assert.match(raw, /871000000000000000000000ffffc0000209/)
    })

  test('leaves out a common name that is too long or an address', async () => {
    const key = await makeCertificateKey('ec-256')
    const long = `${'a'.repeat(60)}.example.com`
    assert.equal(new x509.Pkcs10CertificateRequest(makeCertificateRequest([long], key)).subject, '')
    assert.equal(new x509.Pkcs10CertificateRequest(makeCertificateRequest(['192.0.2.7'], key)).subject, '')
  })

  test('stays well-formed with a hundred long names', async () => {
    const names = Array.from({ length: 100 }, (_, index) => `${'label.'.repeat(38)}n${index}.example.com`)
    const csr = makeCertificateRequest(names, await makeCertificateKey('ec-256'))
    assert.equal(await new x509.Pkcs10CertificateRequest(csr).verify(), true)
  })
})

describe('`makeAlpnCertificate()`', () => {
  test('has the name and the critical digest of RFC 8737, and verifies', async () => {
    const { certificatePem, keyPem } = makeAlpnCertificate('app.example.com', 'token.thumbprint', Date.now())
    const certificate = new x509.X509Certificate(certificatePem)
    assert.equal(await certificate.verify({ signatureOnly: true }), true)
    const extension = certificate.getExtension('1.3.6.1.5.5.7.1.31')
    assert.equal(extension?.critical, true)
    const digest = createHash('sha256').update('token.thumbprint').digest('hex')
    assert.equal(Buffer.from(extension?.value ?? new ArrayBuffer(0)).toString('hex'), `0420${digest}`)
    assert.equal(new X509Certificate(certificatePem).subjectAltName, 'DNS:app.example.com')
    assert.match(keyPem, /BEGIN PRIVATE KEY/)
  })
})

describe('`renewalInfoId()`', () => {
  test('is that of the example in RFC 9773', async () => {
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
    const make = async (extensions: x509.Extension[]): Promise<string> => {
      const options = {
        serialNumber: '0087654321',
        name: 'CN=x',
        keys,
        signingAlgorithm: algorithm,
        extensions,
      }
      return (await x509.X509CertificateGenerator.createSelfSigned(options)).toString('pem')
    }
    const keyId = '69885b6b87464041e1b37b847ba0ae2cde01c8d4'
    const pem = await make([
      new x509.BasicConstraintsExtension(false),
      new x509.AuthorityKeyIdentifierExtension(keyId, false),
    ])
    assert.equal(renewalInfoId(pem), 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE')
    assert.equal(renewalInfoId(await make([])), undefined)
  })
})
