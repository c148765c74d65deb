import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { makeClient } from '../../../../test/support/certificates/client-papers.ts'
import { makePaper } from '../../../../test/support/certificates/paper-ca.ts'
import { CLIENT_VARIABLES } from './client-variables.ts'
import type { RequestFacts } from './plan.ts'

const ASKED: RequestFacts = {
  method: 'GET',
  scheme: 'https',
  host: 'app.example.com',
  uri: '/',
  requestUri: '/',
  target: '/',
  args: '',
  headers: {},
  remoteAddress: '192.0.2.1',
  remotePort: 1,
  serverPort: 443,
  protocol: 'HTTP/1.1',
  requestId: 'r1',
}
const { cert, serial } = makeClient('Zoë, "x"\nVerified: yes', makePaper('Staff CA'))
const certificate = new X509Certificate(cert)

function read(name: string, facts: Partial<RequestFacts>): string | undefined {
  return CLIENT_VARIABLES.find(([each]) => each === `ssl_client_${name}`)?.[1]({ ...ASKED, ...facts })
}

test('variables tell the certificate of a visitor, in one line each', () => {
  const client = { certificate, error: undefined }
  assert.equal(read('verify', { client }), 'SUCCESS')
  assert.equal(read('s_dn', { client }), 'CN=Zo\\C3\\AB\\, \\"x\\"\\0AVerified: yes')
  assert.equal(read('i_dn', { client }), 'CN=Staff CA')
  assert.equal(read('serial', { client }), serial.toString(16).toUpperCase().padStart(4, '0'))
  assert.equal(read('fingerprint', { client }), certificate.fingerprint.replaceAll(':', '').toLowerCase())
  assert.equal(decodeURIComponent(read('escaped_cert', { client }) ?? ''), cert)
  assert.equal(read('v_remain', { client }), '30')
  const untrusted = { certificate, error: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }
  assert.equal(read('verify', { client: untrusted }), 'FAILED:unable to verify the first certificate')
})

test('variables tell nothing of a visitor who showed none, or from whom none was requested', () => {
  for (const client of [undefined, { certificate: undefined, error: 'UNABLE_TO_GET_ISSUER_CERT' }]) {
    assert.equal(read('verify', { client }), 'NONE')
    assert.equal(read('verify', { client, scheme: 'http' }), '')
    for (const [name, of] of CLIENT_VARIABLES.slice(1)) assert.equal(of({ ...ASKED, client }), '', name)
  }
})
