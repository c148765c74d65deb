import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AccountPrincipal, ANONYMOUS, accountPrincipal, type Principal } from '../access/principal.ts'
import { AccessRules, NO_RULES } from '../access/rules.ts'
import {
  formatScopes,
  grantScopes,
  MAX_GRANTED_CHARACTERS,
  MAX_REQUESTED_SCOPES,
  parseScopes,
} from './scope.ts'

const ALL = ['pull', 'push', 'delete']

/** Scope parameters -> their meaning, in the short form `name:actions`. */
const READ: readonly (readonly [parameters: string[], scopes: string])[] = [
  [['repository:alice/app:pull'], 'alice/app:pull'],
  [['repository:alice/app:push,pull'], 'alice/app:pull,push'],
  [['repository:alice/app:*'], 'alice/app:pull,push,delete'],
  [['repository:alice/app:pull,*'], 'alice/app:pull,push,delete'],
  [['repository:a:pull repository:b:push'], 'a:pull b:push'],
  [['repository:a:pull', 'repository:b:push'], 'a:pull b:push'],
  [['repository:a:pull', 'repository:a:push'], 'a:pull,push'],
  [['  repository:a:pull   '], 'a:pull'],
  [['repository(plugin):a:pull'], 'a:pull'],
  [['repository:a:pull,fly'], 'a:pull'],
  [['registry:catalog:*'], 'registry:catalog:*'],
  [['registry:blobs:mount repository:a:pull'], 'registry:blobs:mount a:pull'],
  [['repository:a:pull registry:catalog:*', 'registry:catalog:*'], 'registry:catalog:* a:pull'],
]

for (const [parameters, scopes] of READ) {
  test(`\`parseScopes()\` reads ${JSON.stringify(parameters)} as ${scopes}`, () => {
    const text = formatScopes(parseScopes(parameters)).replaceAll('repository:', '')
    assert.equal(text, scopes)
  })
}

const DROPPED: readonly string[] = [
  '',
  'repository',
  'repository:',
  'repository:alice/app',
  'repository:alice/app:',
  'repository:alice/app:PULL',
  'repository:alice/app:pull;push',
  'repository:alice/app:pullpush',
  'repository::pull',
  'repository:*:pull',
  'repository:alice/*:pull',
  'repository:alice/:pull',
  'repository:/alice:pull',
  'repository:Alice/app:pull',
  'repository:a,b:pull',
  'repository:a%2Fb:pull',
  'repository:alice/../bob/app:pull',
  'repository:host:5000/alice/app:pull',
  'repository:a:b:c:pull',
  'Repository:alice/app:pull',
  'repository():alice/app:pull',
  'repository(plugin:alice/app:pull',
  'repositoryx:alice/app:pull',
  ' repository\t:alice/app:pull',
  `repository:${'a'.repeat(256)}:pull`,
  'registry:catalog',
  'registry:catalog:',
  'registry:catalog:pull',
  'registry:catalog:*,pull',
  'registry:*:*',
  'registry:blobs:*',
  'registry:blobs:mount,pull',
  'registry:other:*',
  'Registry:catalog:*',
  'repository:catalog',
  'catalog',
  '__proto__:a:pull',
  '*',
  '*:*:*',
]

for (const text of DROPPED) {
  test(`\`parseScopes()\` leaves out ${JSON.stringify(text.slice(0, 60))}`, () => {
    assert.deepEqual(parseScopes([text]), [])
  })
}

test('`parseScopes()` looks at a bounded number of scopes, in one parameter or many', () => {
  const many = Array.from({ length: 100_000 }, (_, index) => `repository:r${index}:pull`)
  assert.equal(parseScopes(many).length, MAX_REQUESTED_SCOPES)
  assert.equal(parseScopes([many.join(' ')]).length, MAX_REQUESTED_SCOPES)
})

const makeUser = (name: string, isAdmin: boolean): AccountPrincipal =>
  accountPrincipal({ id: name, name, isAdmin, owns: [name] }, undefined)
const alice = makeUser('alice', false)
const root = makeUser('root', true)

test('`grantScopes()` grants what the principal may, and less than requested without an error', () => {
  const requested = parseScopes([
    'repository:alice/app:*',
    'repository:bob/app:pull',
    'repository:alice:pull',
    'registry:catalog:*',
    'registry:blobs:mount',
  ])
  assert.deepEqual(grantScopes(ANONYMOUS, requested, new AccessRules(NO_RULES)), [])
  assert.deepEqual(grantScopes(alice, requested, new AccessRules(NO_RULES)), [
    'catalog',
    'mount',
    { repository: 'alice/app', actions: ALL },
  ])
  assert.equal(grantScopes(root, requested, new AccessRules(NO_RULES)).length, 5)
})

test('`grantScopes()` never makes more of a principal who came with a token', () => {
  const narrow: Principal = { ...alice, scopes: [{ repository: 'alice/app', actions: ['pull'] }] }
  const requested = parseScopes([
    'repository:alice/app:*',
    'repository:alice/other:pull',
    'registry:catalog:*',
    'registry:blobs:mount',
  ])
  assert.deepEqual(grantScopes(narrow, requested, new AccessRules(NO_RULES)), [
    { repository: 'alice/app', actions: ['pull'] },
  ])
})

test('`grantScopes()` keeps the token small enough for a header', () => {
  const requested = parseScopes(
    Array.from({ length: 64 }, (_, index) => `repository:alice/${'x'.repeat(200)}${index}:*`),
  )
  assert.equal(requested.length, 64)
  const granted = grantScopes(alice, requested, new AccessRules(NO_RULES))
  assert.ok(granted.length > 5 && granted.length < 64)
  assert.ok(JSON.stringify(granted).length <= MAX_GRANTED_CHARACTERS)
})
