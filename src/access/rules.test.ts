import assert from 'node:assert/strict'
import { test } from 'node:test'
import { admin, isListed, on, toPull, user } from '../../test/support/access/principals.ts'
import { type Demand, decide, visibleRepositories } from './decide.ts'
import { type AccountPrincipal, ANONYMOUS, type Principal, type TokenScope } from './principal.ts'
import { parsePattern, type RepositoryPattern } from './repository-pattern.ts'
import { type AccessRule, AccessRules, NO_RULES, type RuleSet } from './rules.ts'

const pattern = (text: string): RepositoryPattern => parsePattern(text) ?? assert.fail(text)
const rule = (who: string, where: string, ...what: AccessRule['what']): AccessRule => ({
  who,
  where: pattern(where),
  what,
})
const rulesOf = (rules: AccessRule[], more: Partial<RuleSet> = {}): AccessRules =>
  new AccessRules({ ...NO_RULES, rules, ...more })

const ALL_RULE_ACTIONS = ['pull', 'push', 'create', 'overwrite', 'delete', 'administer'] as const
const allowed = (principal: Principal, repository: string, rules: AccessRules): string =>
  ALL_RULE_ACTIONS.filter(
    (action) => decide(principal, { ...on(repository, 'pull'), action } as Demand, rules) === 'allow',
  ).join(' ')

/** Rules -> what alice, bob and everyone may do in team/app. */
const RULE_TABLE: readonly [rules: AccessRule[], alice: string, bob: string, anonymous: string][] = [
  [[], '', '', ''],
  [[rule('user:alice', 'team/app', 'pull')], 'pull', '', ''],
  [[rule('user:alice', 'team/*', 'create')], 'push create', '', ''],
  [[rule('user:alice', 'team/**', 'overwrite')], 'push overwrite', '', ''],
  [[rule('user:alice', '**', 'administer')], ALL_RULE_ACTIONS.join(' '), '', ''],
  [[rule('group:1', '**', 'delete')], 'delete', '', ''],
  [[rule('group:2', '**', 'delete')], '', 'delete', ''],
  [[rule('signed-in', '**', 'pull')], 'pull', 'pull', ''],
  [[rule('anonymous', '**', 'pull')], 'pull', 'pull', 'pull'],
  [[rule('user:alice', 'team', 'pull'), rule('user:alice', 'team/app/**', 'pull')], '', '', ''],
  [[rule('user:alice', 'te/**', 'pull'), rule('user:alice', '*', 'pull')], '', '', ''],
  [
    [rule('alice', '**', 'pull'), rule('user:alic', '**', 'pull'), rule('robot:alice', '**', 'pull')],
    '',
    '',
    '',
  ],
  [
    [rule('user:alice', '**', 'pull'), rule('group:1', 'team/*', 'create', 'delete')],
    'pull push create delete',
    '',
    '',
  ],
]

for (const [rules, ...expected] of RULE_TABLE) {
  const title = rules.map(({ who, where, what }) => `${who} ${what.join('+')} ${where}`).join(', ')
  test(`\`decide()\` allows no more than the rules: ${title || 'none'}`, () => {
    const groups = [
      { id: 'group:1', members: ['user:alice', 'user:carol'] },
      { id: 'group:2', members: ['user:bob'] },
    ]
    const compiled = rulesOf(rules, { groups })
    for (const round of ['first', 'remembered']) {
      const found = [user('alice'), user('bob'), ANONYMOUS].map((who) => allowed(who, 'team/app', compiled))
      assert.deepEqual(found, expected, round)
    }
    assert.equal(allowed(admin(), 'team/app', compiled), ALL_RULE_ACTIONS.join(' '))
  })
}

test('CVE-2025-23208: groups of a directory are those of the last log-in, also where an answer is remembered', () => {
  const rules = rulesOf([
    rule('directory:builders', 'team/**', 'pull'),
    rule('directory:a b', 'team/app', 'delete'),
  ])
  const member = (...directoryGroups: string[]) => ({ ...user('alice'), directoryGroups })
  const table: [groups: string[], expected: string][] = [
    [['builders'], 'pull'],
    [[], ''],
    [['others', 'builders'], 'pull'],
    [['builder'], ''],
    [['a b'], 'delete'],
    [['a', 'b'], ''],
    [['directory:builders'], ''],
  ]
  for (const [groups, expected] of [...table, ...table])
    assert.equal(allowed(member(...groups), 'team/app', rules), expected, groups.join())
  assert.equal(isListed(visibleRepositories(member('builders'), rules), 'team/x'), true)
  assert.equal(isListed(visibleRepositories(member(), rules), 'team/x'), false)
})

test('visibility lets everyone or every account pull, and of several patterns the narrowest counts', () => {
  const rules = rulesOf([], {
    visibility: [
      { where: pattern('**'), visibility: 'internal' },
      { where: pattern('open/**'), visibility: 'public' },
      { where: pattern('open/*'), visibility: 'internal' },
      { where: pattern('open/app'), visibility: 'public' },
      { where: pattern('open/deep/secret/**'), visibility: 'private' },
    ],
  })
  const table: [string, account: string, anonymous: string][] = [
    ['app', 'pull', ''],
    ['open/app', 'pull', 'pull'],
    ['open/other', 'pull', ''],
    ['open/deep/app', 'pull', 'pull'],
    ['open/deep/secret', 'pull', 'pull'],
    ['open/deep/secret/app', '', ''],
  ]
  for (const [name, account, anonymous] of table) {
    assert.deepEqual(
      [allowed(user('bob'), name, rules), allowed(ANONYMOUS, name, rules)],
      [account, anonymous],
    )
    assert.equal(isListed(visibleRepositories(user('bob'), rules), name), account === 'pull', name)
    assert.equal(isListed(visibleRepositories(ANONYMOUS, rules), name), anonymous === 'pull', name)
  }
})

test('limits of credentials narrow all rights but those of everyone, also of owners and administrators', () => {
  const rules = rulesOf([rule('signed-in', 'team/**', 'pull', 'create', 'overwrite')], {
    visibility: [{ where: pattern('open/**'), visibility: 'public' }],
  })
  const limits = [
    { where: pattern('team/app'), what: ['pull', 'create'] },
    { where: pattern('alice/*'), what: ['pull'] },
  ] as const
  const rows: [Principal, string, string][] = [
    [{ ...user('alice'), limits }, 'team/app', 'pull push create'],
    [{ ...user('alice'), limits }, 'team/other', ''],
    [{ ...user('alice'), limits }, 'alice/app', 'pull'],
    [{ ...user('alice'), limits }, 'alice/app/deep', ''],
    [{ ...user('alice'), limits }, 'open/app', 'pull'],
    [{ ...user('alice'), limits: [] }, 'alice/app', ''],
    [{ ...(admin() as AccountPrincipal), limits }, 'team/app', 'pull push create'],
    [{ ...(admin() as AccountPrincipal), limits }, 'bob/app', ''],
    [{ ...user('alice', [toPull('team/app')]), limits }, 'team/app', 'pull'],
  ]
  for (const [principal, name, expected] of rows) {
    assert.equal(allowed(principal, name, rules), expected, name)
    assert.equal(isListed(visibleRepositories(principal, rules), name), expected.includes('pull'), name)
  }
})

test("a token's `push` covers making and moving tags, as far as the rules do, and never administration", () => {
  const rules = rulesOf([rule('user:bob', 'team/**', 'administer')])
  const token: TokenScope = { repository: 'team/app', actions: ['pull', 'push', 'delete'] }
  assert.equal(allowed(user('bob', [token]), 'team/app', rules), 'pull push create overwrite delete')
})

test('without an account only an anonymous token has the list and the ping, and only if everyone may pull something', () => {
  const shown = rulesOf([rule('anonymous', 'open/**', 'pull')])
  const holder: Principal = { kind: 'anonymous', scopes: ['catalog'] }
  assert.equal(decide(holder, { kind: 'catalog' }, shown), 'allow')
  assert.equal(decide(ANONYMOUS, { kind: 'catalog' }, shown), 'log-in')
  assert.equal(decide(holder, { kind: 'catalog' }, rulesOf([])), 'log-in')
  assert.equal(decide({ kind: 'anonymous', scopes: [] }, { kind: 'ping' }, shown), 'allow')
  assert.equal(decide(ANONYMOUS, { kind: 'ping' }, shown), 'log-in')
  for (const kind of ['mount', 'administer'] as const) assert.equal(decide(holder, { kind }, shown), 'log-in')
})

test('of the groups of a directory only those count, and are remembered, that a rule names', () => {
  const rules = rulesOf([rule('directory:g7', 'team/*', 'pull')])
  const many = Array.from({ length: 500 }, (_, index) => `g${index}`)
  const account = { subject: 'user:1', directoryGroups: many }
  assert.deepEqual(rules.subjectsOf(account), ['user:1', 'directory:g7', 'signed-in', 'anonymous'])
  const who = { ...user('alice'), directoryGroups: many }
  assert.equal(allowed(who, 'team/app', rules), 'pull')
  assert.equal(allowed({ ...who, directoryGroups: ['G7', 'directory:g7', 'g7\ng8'] }, 'team/app', rules), '')
})
