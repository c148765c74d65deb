import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { makeClient, makeRevocations } from '../support/certificates/client-papers.ts'
import { makePaper } from '../support/certificates/paper-ca.ts'
import {
  type CertificateServer,
  pairFiles,
  startCertificateServer,
} from '../support/clients/certificate-server.ts'

const DOMAIN = 'registry.example.com'
const SITE = 'app.example.com'
const OTHER = 'other.example.com'

function serve(
  files: Readonly<Record<string, string>>,
  env: NodeJS.ProcessEnv = {},
): Promise<CertificateServer> {
  return startCertificateServer({ domain: DOMAIN, sites: { [SITE]: '', [OTHER]: '' }, files, env })
}

describe('TRUST_DEFAULT_CERT', () => {
  const files = { ...pairFiles('default', 'default.example'), ...pairFiles(SITE, SITE) }
  for (const [value, rows] of [
    [
      'false',
      {
        [`https://${SITE}/`]: 200,
        [`https://${OTHER}/`]: 'no certificate',
        [`http://${OTHER}/`]: 200,
        'https://unknown.example.com/': 503,
        [`https://${DOMAIN}/v2/`]: 'no certificate',
        [`http://${DOMAIN}/v2/`]: 503,
      },
    ],
    [
      'true',
      {
        [`https://${SITE}/`]: 200,
        [`https://${OTHER}/`]: 200,
        [`http://${OTHER}/`]: 301,
        'https://unknown.example.com/': 503,
        [`https://${DOMAIN}/v2/`]: 401,
        [`http://${DOMAIN}/v2/`]: 301,
      },
    ],
  ] as const) {
    it(`given as ${value} decides of the default certificate for sites and the registry`, async () => {
      await using berth = await serve(files, { TRUST_DEFAULT_CERT: value })
      for (const [url, expected] of Object.entries(rows))
        assert.equal(await berth.requestStatus(url), expected, url)
      const list = await berth.command(['site', 'list'])
      for (const host of [OTHER, DOMAIN]) {
        const line = list.split('\n').find((each) => each.startsWith(`${host} `)) ?? ''
        assert.match(
          line,
          value === 'true' ? / up .*the default one/ : / degraded .*the default one is not trusted/,
        )
        const cause = new RegExp(`^${host}: .*default\\.crt is not trusted for it`, 'm')
        if (value === 'false') assert.match(list, cause)
      }
    })
  }
})

describe('client certificates', () => {
  const ca = makePaper('Staff CA')
  const [alice, mallory] = [makeClient('alice', ca), makeClient('mallory', ca)]
  const files = { ...pairFiles(SITE, SITE), ...pairFiles(OTHER, OTHER), ...pairFiles(DOMAIN, DOMAIN) }

  it('are requested by hosts with a file of CAs, that is read again when it changes', async () => {
    await using berth = await serve({ ...files, [`${SITE}.ca.crt`]: ca.pem })
    assert.equal(await berth.requestStatus(`https://${SITE}/`), 400)
    assert.equal(await berth.requestStatus(`https://${SITE}/`, alice), 200)
    assert.equal(await berth.requestStatus(`https://${OTHER}/`), 200)
    assert.match(
      await berth.command(['site', 'list']),
      new RegExp(`^${SITE} +up .*visitors must show one of ${SITE}.ca.crt`, 'm'),
    )
    await berth.put(`${SITE}.crl.pem`, makeRevocations(ca, [mallory]))
    await berth.becomes(400, `https://${SITE}/`, mallory)
    assert.equal(await berth.requestStatus(`https://${SITE}/`, alice), 200)
    await berth.put(`${SITE}.crl.pem`, 'damaged')
    await berth.becomes(503, `https://${SITE}/`, alice)
    assert.equal(await berth.requestStatus(`https://${OTHER}/`), 200)
    const isClosed = new RegExp(`^${SITE} +closed `, 'm')
    let list = await berth.command(['site', 'list'])
    for (let looks = 0; looks < 10 && !isClosed.test(list); looks++)
      list = await berth.command(['site', 'list'])
    assert.match(list, isClosed)
    assert.match(
      list,
      new RegExp(`^${SITE}: ${SITE}.crl.pem cannot be used: there is no revocation list in it`, 'm'),
    )
  })

  it('are requested by all hosts, the registry too, where ca.crt is there', async () => {
    await using berth = await serve({ ...files, 'ca.crt': ca.pem })
    for (const [url, status] of [
      [`https://${SITE}/`, 200],
      [`https://${DOMAIN}/v2/`, 401],
    ] as const) {
      assert.equal(await berth.requestStatus(url), 400)
      assert.equal(await berth.requestStatus(url, alice), status)
    }
    assert.equal(await berth.requestStatus(`http://${DOMAIN}/v2/`), 301)
  })
})
