import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openFolderCertificates } from '../../../test/support/certificates/folder-certificates.ts'
import { makePaper } from '../../../test/support/certificates/paper-ca.ts'
import { makeSite } from '../../../test/support/door/test-door.ts'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'
import { CertificateStore } from '../../certificates/folder/certificate-store.ts'
import { decideClientDemand } from '../../front-door/sites/client-certificates.ts'
import { describeSite } from '../../front-door/sites/describe-site.ts'
import { createCertificateSource } from './certificate-source.ts'
import { NO_AUTHORITY } from './open-authority.ts'

for (const [isDefaultTrusted, expected] of [
  [true, { certificate: 'the default one', state: 'up' }],
  [false, { certificate: 'none: the default one is not trusted', state: 'degraded' }],
] as const) {
  test(`a host with the default certificate alone is ${expected.state} where trust in it is ${isDefaultTrusted}`, async () => {
    await using certificates = await openFolderCertificates({ default: ['default.example'] })
    const site = makeSite({ host: 'a.example.com', isDefaultTrusted })
    const { certificate, state, cause, fix } = describeSite(site, certificates.describe(site.declaration))
    assert.deepEqual({ certificate, state }, expected)
    if (isDefaultTrusted) return
    assert.match(
      cause ?? '',
      /no certificate that covers a\.example\.com, and default\.crt is not trusted for it/,
    )
    assert.match(fix ?? '', /trust-default-cert/)
  })
}

test('an untrusted default certificate is still there for names that no site has', async () => {
  await using certificates = await openFolderCertificates({ default: ['default.example'] })
  const options = {
    certificateName: undefined,
    isDefaultTrusted: false,
    policy: 'Mozilla-Intermediate',
  } as const
  assert.equal(certificates.find('a.example.com', { ...options, isSite: true }), undefined)
  assert.ok(certificates.find('a.example.com', { ...options, isSite: false }))
})

test('a host that is served with the pair of --tls-cert for want of another has that in its status', async () => {
  await using certificates = await openFolderCertificates({}, { givenFor: ['registry.example.com'] })
  for (const [wish, expected] of [
    [{}, 'up: of --tls-cert, as the default one'],
    [{ isDefaultTrusted: false }, 'degraded: none: the default one is not trusted'],
    [{ certificateName: 'shared' }, 'degraded: none'],
  ] as const) {
    const { declaration, ...site } = makeSite({ host: 'a.example.com', ...wish })
    const { certificateName, isDefaultTrusted, host } = declaration
    const status = certificates.describe(declaration)
    const { state, certificate } = describeSite({ declaration, ...site }, status)
    assert.equal(`${state}: ${certificate}`, expected)
    const request = {
      certificateName,
      isDefaultTrusted,
      policy: 'Mozilla-Intermediate',
      isSite: true,
    } as const
    assert.equal(certificates.find(host, request) !== undefined, status.kind === 'present')
  }
})

test('the list of sites says whose certificates visitors show, and why a host is closed for want of them', async () => {
  const texts = { 'a.example.com.ca.crt': makePaper('CA').pem, 'b.example.com.ca.crt': 'nonsense' }
  await using certificates = await openFolderCertificates({ wild: ['*.example.com'] }, { texts })
  for (const [wish, state, words] of [
    [
      { host: 'a.example.com' },
      'up',
      /^wild, until [-\d]+; visitors must show one of a\.example\.com\.ca\.crt$/,
    ],
    [{ host: 'a.example.com', clientCertificates: 'optional' }, 'up', /; visitors may show one of a\.ex/],
    [{ host: 'a.example.com', clientCertificates: 'optional_no_ca' }, 'up', /ca\.crt, or of any CA$/],
    [{ host: 'a.example.com', clientCertificates: 'off' }, 'up', /^wild, until [-\d]+$/],
    [
      { host: 'b.example.com' },
      'closed',
      /b\.example\.com\.ca\.crt cannot be used: there is no certificate in it/,
    ],
    [{ host: 'c.example.com' }, 'up', /^wild, until [-\d]+$/],
    [{ host: 'c.example.com', clientCertificates: 'on' }, 'closed', /is to ask visitors .* no file of CAs/],
  ] as const) {
    const site = makeSite(wish)
    const demand = decideClientDemand(site.declaration, certificates)
    const described = describeSite(site, certificates.describe(site.declaration), demand)
    assert.equal(described.state, state)
    assert.match(state === 'closed' ? `${described.cause} ${described.fix}` : described.certificate, words)
  }
})

test('what is ordered from a CA is looked up once for all hosts, and belongs to its names', async () => {
  await using temp = await makeTempFolder('source')
  using store = await CertificateStore.open({ folders: [temp.path] })
  let looks = 0
  const makeStatus = (names: readonly string[]) => ({
    ...{ names, state: 'waiting' as const, directory: 'https://ca.test/', certificate: undefined },
    ...{ nextAttemptAt: undefined, window: undefined, failures: undefined, lastError: undefined },
    ...{ findings: [], issuedThisWeek: 0 },
  })
  const certificates = createCertificateSource({
    store,
    authority: NO_AUTHORITY,
    given: undefined,
    acmeStatus: () => {
      looks++
      return [
        makeStatus(['a.example.com', 'b.example.com']),
        { ...makeStatus(['nas.local']), state: 'local' },
      ]
    },
  })
  const describe = certificates.describeAll()
  const hosts = ['a.example.com', 'b.example.com', 'c.example.com', 'nas.local']
  const texts = hosts.map((host) => describe(makeSite({ host }).declaration).text)
  assert.deepEqual(texts, ['on its way', 'on its way', 'none', 'none'])
  assert.equal(looks, 1)
})
