import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashPassword, verifyPasswordHash } from './password-hash.ts'

/** Made by the reference implementation: `echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1` and its tests. */
const REFERENCE = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'

test('`hashPassword()` gives a PHC string of argon2id with a salt of its own', async () => {
  const [one, two] = await Promise.all([hashPassword('pässwörd'), hashPassword('pässwörd')])
  assert.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  assert.notEqual(one, two)
  assert.equal(await verifyPasswordHash('pässwörd', one), true)
  assert.equal(await verifyPasswordHash('pässwörD', one), false)
  assert.equal(await verifyPasswordHash('', one), false)
})

test('`verifyPasswordHash()` agrees with the reference implementation, at the cost the hash names', async () => {
  assert.equal(await verifyPasswordHash('password', REFERENCE), true)
  assert.equal(await verifyPasswordHash('differentpassword', REFERENCE), false)
})

test('`verifyPasswordHash()` matches nothing against a text that is malformed or asks for too much', async () => {
  const [salt, tag] = REFERENCE.split('$').slice(-2)
  const hashes = [
    '',
    'password',
    REFERENCE.replace('argon2id', 'argon2i'),
    REFERENCE.replace('v=19', 'v=16'),
    REFERENCE.replace('m=65536', 'm=65537'),
    REFERENCE.replace('m=65536', 'm=9999999999'),
    REFERENCE.replace('m=65536', 'm=7'),
    REFERENCE.replace('t=2', 't=11'),
    REFERENCE.replace('t=2', 't=0'),
    REFERENCE.replace('p=1', 'p=5'),
    REFERENCE.replace(`$${tag}`, ''),
    REFERENCE.replace(`${tag}`, 'A'),
    REFERENCE.replace(`${salt}`, ''),
    REFERENCE.replace(`${salt}`, 'A'.repeat(10_000)),
    `${REFERENCE}=`,
    `${REFERENCE}\n`,
  ]
  for (const hash of hashes)
    assert.equal(await verifyPasswordHash('password', hash), false, hash.slice(0, 90))
})
