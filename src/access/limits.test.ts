import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseRepositoryName } from '../oci/repository-name.ts'
import { decide } from './decide.ts'
import { formatLimit, type Limits, parseLimit } from './limits.ts'
import { type AccountPrincipal, accountPrincipal } from './principal.ts'
import { AccessRules, NO_RULES } from './rules.ts'

test('`parseLimit()` reads a pattern of repositories and acts; `formatLimit()` writes the same', () => {
  for (const text of [
    'team/app:pull',
    'team/**:pull,push',
    '**:pull',
    '*:push',
    'team/*:create',
    'a/b/c:pull,overwrite,delete,administer',
  ]) {
    const limit = parseLimit(text)
    assert.ok(limit, text)
    assert.equal(formatLimit(limit), text)
  }
  assert.deepEqual(parseLimit('team/app'), {
    where: 'team/app',
    what: ['pull', 'create', 'overwrite', 'delete'],
  })
  assert.deepEqual(parseLimit('a:push,pull')?.what, ['pull', 'create', 'overwrite'])
})

test('`parseLimit()` refuses what is no pattern, and unknown acts, instead of reading them as something else', () => {
  for (const text of [
    '',
    ':pull',
    'team/app:',
    'team/app:pull,',
    'team/app:Pull',
    'team/app:*',
    'team/app:pull,fly',
    'Team/app:pull',
    'team/**/app:pull',
    'team**:pull',
    'te*m/app:pull',
    '/**:pull',
    'team//**:pull',
    'team/***:pull',
    ' team/app:pull',
    '../**:pull',
    `${'a'.repeat(300)}:pull`,
  ])
    assert.equal(parseLimit(text), undefined, text)
})

const limited = (isAdmin: boolean, ...texts: string[]) => {
  const limits: Limits = texts.map((text) => parseLimit(text) ?? assert.fail(text))
  return accountPrincipal({ id: 'user:1', name: 'alice', isAdmin, owns: ['alice'], limits }, undefined)
}
const RULES = new AccessRules(NO_RULES)
const may = (principal: AccountPrincipal, repository: string, action: 'pull' | 'push' | 'delete') =>
  decide(principal, { kind: 'repository', repository: parseRepositoryName(repository), action }, RULES)

test('limits narrow what an account may do, and give nothing', () => {
  const alice = limited(false, 'alice/app:pull', 'alice/ci/**:pull,push', 'bob/**:pull')
  assert.equal(may(alice, 'alice/app', 'pull'), 'allow')
  assert.equal(may(alice, 'alice/app', 'push'), 'deny')
  assert.equal(may(alice, 'alice/app2', 'pull'), 'deny')
  assert.equal(may(alice, 'alice/app/x', 'pull'), 'deny')
  assert.equal(may(alice, 'alice/ci/x/y', 'push'), 'allow')
  assert.equal(may(alice, 'alice/ci', 'pull'), 'deny')
  assert.equal(may(alice, 'alice/ci-evil/x', 'pull'), 'deny')
  assert.equal(may(alice, 'alice/ci/x', 'delete'), 'deny')
  assert.equal(may(alice, 'bob/app', 'pull'), 'deny')
  assert.equal(may(limited(false), 'alice/app', 'pull'), 'deny')
})

test('a limited administrator, and a robot of one, administers only with a limit for that', () => {
  const administer = (principal: AccountPrincipal) => decide(principal, { kind: 'administer' }, RULES)
  const unlimited = { ...limited(true), limits: undefined }
  assert.equal(administer(unlimited), 'allow')
  assert.notEqual(administer({ ...unlimited, kind: 'robot' }), 'allow')
  assert.notEqual(administer(limited(true, '**:pull,push,delete')), 'allow')
  assert.notEqual(administer(limited(true, 'team/**:administer')), 'allow')
  assert.equal(administer(limited(true, '**:administer')), 'allow')
  assert.equal(administer({ ...limited(true, '**:administer'), kind: 'robot' }), 'allow')
  assert.equal(administer(limited(false, '**:administer')), 'deny')
  assert.equal(may(limited(true, 'team/**:pull'), 'other/app', 'pull'), 'deny')
  assert.equal(may(limited(true, 'team/**:pull'), 'team/app', 'pull'), 'allow')
})

test('a robot with an owner has the subject of its owner, and rules about that count for it', () => {
  const robot = { id: 'robot:1', kind: 'robot', name: 'ci', isAdmin: false, owns: [] } as const
  assert.equal(accountPrincipal(robot, undefined).subject, 'robot:1')
  assert.equal(accountPrincipal({ ...robot, actsFor: 'user:7' }, undefined).subject, 'user:7')
})
