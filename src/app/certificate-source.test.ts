import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openFolderCertificates } from '../../test/support/folder-certificates.ts'
import { makeSite } from '../../test/support/test-door.ts'
import { describeSite } from '../front-door/describe-site.ts'

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

test('a host that is served with the pair of --tls-cert for want of another is said to be', async () => {
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
    const asked = { certificateName, isDefaultTrusted, policy: 'Mozilla-Intermediate', isSite: true } as const
    assert.equal(certificates.find(host, asked) !== undefined, status.kind === 'present')
  }
})
