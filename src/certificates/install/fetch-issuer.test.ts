import assert from 'node:assert/strict'
import type { RequestListener, ServerResponse } from 'node:http'
import { describe, it } from 'node:test'
import { makeMail, makePaper } from '../../../test/support/certificates/paper-ca.ts'
import { startApp } from '../../../test/support/door/start-app.ts'
import { fetchIssuer } from './fetch-issuer.ts'

const { root, upper } = makeMail(['www.example.com'])

/** A certificate with addresses of its issuer's. */
function pointingTo(...urls: string[]) {
  return makePaper('www.example.com', { by: upper, names: ['www.example.com'], issuerUrls: urls }).certificate
}

const anywhere = { mayReach: () => true }

describe('`fetchIssuer()`', () => {
  it('fetches the issuer in DER and in PEM', async () => {
    await using server = await startApp(({ url }, response) => {
      response.end(url === '/der' ? upper.certificate.raw : upper.pem)
    })
    for (const path of ['/der', '/pem']) {
      const issuer = await fetchIssuer(pointingTo(`${server.url}${path}`), anywhere)
      assert.equal(issuer.fingerprint256, upper.certificate.fingerprint256)
    }
  })

  const refused: readonly (readonly [what: string, listener: RequestListener, problem: RegExp])[] = [
    [
      'a certificate that did not sign',
      (_, response) => void response.end(root.pem),
      /holds another certificate/,
    ],
    ['what is no certificate', (_, response) => void response.end('<html>'), /holds another certificate/],
    [
      'a redirect',
      (_, response) => void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
      /the answer was 302/,
    ],
    ['an answer without an end', (_, response) => void endless(response), /more than 65536 bytes/],
    ['a connection that is cut', (request) => void request.socket.destroy(), /ECONNRESET|cannot be reached/],
  ]
  for (const [what, listener, problem] of refused) {
    it(`refuses ${what}`, async () => {
      await using server = await startApp(listener)
      await assert.rejects(fetchIssuer(pointingTo(`${server.url}/`), anywhere), {
        code: 'CERTIFICATE_ISSUER_UNAVAILABLE',
        message: problem,
      })
    })
  }

  it('asks nothing but the public internet, by address and by name, and its usual ports only', async () => {
    let requests = 0
    await using server = await startApp((_, response) => {
      requests++
      response.end(upper.pem)
    })
    const urls = [
      `${server.url}/`,
      'http://127.0.0.1/',
      'http://[::1]/',
      'http://[::ffff:127.0.0.1]/',
      'http://2130706433/',
      'http://169.254.169.254/latest/meta-data/',
      'http://localhost/',
      `http://localhost:${server.port}/`,
      'http://user:secret@127.0.0.1/',
    ]
    for (const url of urls) {
      await assert.rejects(fetchIssuer(pointingTo(url)), { code: 'CERTIFICATE_ISSUER_UNAVAILABLE' }, url)
    }
    assert.equal(requests, 0)
  })

  it('says that nothing says where it is', async () => {
    await assert.rejects(fetchIssuer(pointingTo()), { message: /nothing says where the CA has it/ })
    await assert.rejects(fetchIssuer(pointingTo('ldap://example.com/', 'file:///etc/passwd')), {
      message: /nothing says where/,
    })
  })

  it('tries the next address', async () => {
    await using server = await startApp(
      ({ url }, response) => void response.end(url === '/2' ? upper.pem : 'x'),
    )
    const issuer = await fetchIssuer(pointingTo(`${server.url}/1`, `${server.url}/2`), anywhere)
    assert.equal(issuer.fingerprint256, upper.certificate.fingerprint256)
  })
})

function endless(response: ServerResponse): void {
  const more = (error?: Error | null): void => {
    if (!error && !response.destroyed) response.write(Buffer.alloc(16_384), more)
  }
  more()
}
