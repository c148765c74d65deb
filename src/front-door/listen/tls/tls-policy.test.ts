import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSecureContext } from 'node:tls'
import { TLS_POLICIES, toTlsOptions } from './tls-policy.ts'

for (const policy of TLS_POLICIES) {
  test(`\`toTlsOptions()\` has nothing in ${policy} that the TLS library does not know`, () => {
    const options = toTlsOptions(policy)
    createSecureContext(options)
    // The library ignores unknown names in a list as long as it knows one.
    const names = (options.ciphers ?? '').split(':').filter((name) => !name.startsWith('@'))
    for (const name of names) createSecureContext({ ciphers: name })
    for (const name of (options.sigalgs ?? '').split(':').filter(Boolean))
      createSecureContext({ sigalgs: name })
    for (const name of (options.ecdhCurve ?? '').split(':')) createSecureContext({ ecdhCurve: name })
  })
}

test('the TLS library has no 3DES, so that "Mozilla-Old" goes without', () => {
  assert.throws(() => createSecureContext({ ciphers: 'DES-CBC3-SHA:@SECLEVEL=0' }))
})
