import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ldapAttribute, ldapDn, ldapFilter, ldapUrl } from './ldap.ts'

test('the URL of a directory has a host and perhaps a port, nothing more', () => {
  const good = [
    ['ldap://ldap.example.com', 'ldap://ldap.example.com'],
    ['ldaps://ldap.example.com:1636/', 'ldaps://ldap.example.com:1636'],
    ['ldap://[::1]:389', 'ldap://[::1]:389'],
    ['off', undefined],
    [false, undefined],
  ] as const
  for (const [value, url] of good) assert.deepEqual(ldapUrl.safeParse(value), { success: true, data: url })
  const bad = ['', 'ldap', 'ldap://', 'http://x', 'ldap://u:p@x', 'ldap://x/dc=y', 'ldap://x?uid', 7, null]
  for (const value of bad) {
    const { error } = ldapUrl.safeParse(value)
    assert.ok(error, String(value))
    assert.doesNotMatch(JSON.stringify(error.issues.map(({ message }) => message)), /u:p/)
  }
})

test('a filter cannot end the filter around it', () => {
  for (const value of ['(uid=a)', '(&(a=b)(|(c=d)(e=f)))', '(cn=a\\28b)'])
    assert.ok(ldapFilter.safeParse(value).success, value)
  for (const value of ['', 'uid=a', '(a=b)(c=d)', '(a=b))(c=d', '((a=b)', '(a=\0)', '()'])
    assert.equal(ldapFilter.safeParse(value).success, false, value)
})

test('a DN begins with an attribute, and an attribute is one word', () => {
  assert.ok(ldapDn.safeParse('ou=people,dc=example,dc=com').success)
  for (const value of ['people', '', '=x', 'ou=a\nb'])
    assert.equal(ldapDn.safeParse(value).success, false, value)
  for (const value of ['uid', 'sAMAccountName', '0.9.2342.19200300.100.1.1'])
    assert.ok(ldapAttribute.safeParse(value).success, value)
  for (const value of ['', 'uid=', 'a b', 'uid)(', '1'])
    assert.equal(ldapAttribute.safeParse(value).success, false, value)
})
