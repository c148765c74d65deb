import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Trust } from '../secrets.ts'
import { checkTrust } from './check-trust.ts'

const GOOD: Trust = {
  name: 'actions',
  issuer: 'https://token.actions.githubusercontent.com',
  audience: undefined,
  requiredClaims: { sub: 'repo:org/app:*' },
  ca: undefined,
  jwks: undefined,
}

test('`checkTrust()` refuses a trust that would let in every token of its issuer, and one that can match none', () => {
  checkTrust(GOOD)
  checkTrust({
    ...GOOD,
    jwks: '{"keys":[]}',
    audience: 'x',
    requiredClaims: { repository: 'a/b', ref: '**' },
  })
  const faulty: [Partial<Trust>, RegExp][] = [
    [{ requiredClaims: {} }, /No required claim has a value/],
    [{ requiredClaims: { sub: '**', ref: '*:*/**' } }, /No required claim has a value/],
    [{ requiredClaims: { sub: '' } }, /1 to 512 characters/],
    [{ requiredClaims: { sub: 'x', aud: 'y' } }, /"aud" is checked for every token/],
    [{ issuer: 'http://gitlab.example.com' }, /no https/],
    [{ issuer: 'gitlab.example.com' }, /no https/],
    [{ issuer: 'https://u:p@gitlab.example.com' }, /no https/],
    [{ issuer: `https://${'x'.repeat(600)}.example.com` }, /characters/],
    [{ ca: 'no PEM' }, /no certificates in PEM/],
    [{ jwks: '{}' }, /no JWK Set/],
    [{ jwks: 'x' }, /no JWK Set/],
  ]
  for (const [change, message] of faulty)
    assert.throws(() => checkTrust({ ...GOOD, ...change }), { code: 'TRUST_INVALID', message })
  assert.throws(() => checkTrust({ ...GOOD, name: 'a b' }), { code: 'NAME_INVALID' })
})
