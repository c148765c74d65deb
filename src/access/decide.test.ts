import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RepositoryName } from '../oci/repository-name.ts'
import type { RepositoryAction } from './actions.ts'
import {
  type Decision,
  type Demand,
  decide as decideBy,
  mountSources as mountSourcesBy,
  visibleRepositories as visibleRepositoriesBy,
} from './decide.ts'
import { ANONYMOUS, type Principal, type TokenScope, type UserPrincipal } from './principal.ts'
import { type AccessRules, DEFAULT_RULES } from './rules.ts'

const decide = (principal: Principal, demand: Demand, rules: AccessRules = DEFAULT_RULES): Decision =>
  decideBy(principal, demand, rules)
const mountSources = (principal: Principal): unknown => mountSourcesBy(principal, DEFAULT_RULES)
const visibleRepositories = (principal: Principal, rules: AccessRules = DEFAULT_RULES) =>
  visibleRepositoriesBy(principal, rules)

const ACTIONS: readonly RepositoryAction[] = ['pull', 'push', 'delete']

/** The names are as in the request: some here could not even be parsed, and must be denied all the same. */
const on = (repository: string, action: RepositoryAction): Demand => ({
  kind: 'repository',
  repository: repository as RepositoryName,
  action,
})

const user = (name: string, scopes?: TokenScope[]): UserPrincipal => ({
  kind: 'user',
  id: `user:${name}`,
  name,
  owns: [name],
  isAdmin: false,
  scopes,
})
const admin = (scopes?: TokenScope[]): Principal => ({ ...user('admin', scopes), isAdmin: true })

interface Row {
  readonly who: string
  readonly principal: Principal
  readonly repository: string
  /** For pull, push, delete. */
  readonly expected: readonly [Decision, Decision, Decision]
}

const ALLOWED = ['allow', 'allow', 'allow'] as const
const DENIED = ['deny', 'deny', 'deny'] as const
const LOG_IN = ['log-in', 'log-in', 'log-in'] as const
const WIDEN = ['widen', 'widen', 'widen'] as const
const toPull = (repository: string): TokenScope => ({ repository, actions: ['pull'] })

const MATRIX: readonly Row[] = [
  { who: 'anonymous', principal: ANONYMOUS, repository: 'alice/app', expected: LOG_IN },
  { who: 'anonymous', principal: ANONYMOUS, repository: 'app', expected: LOG_IN },
  { who: 'an admin', principal: admin(), repository: 'alice/app', expected: ALLOWED },
  { who: 'an admin', principal: admin(), repository: 'app', expected: ALLOWED },
  { who: 'the owner', principal: user('alice'), repository: 'alice/app', expected: ALLOWED },
  { who: 'the owner', principal: user('alice'), repository: 'alice/a/b/c', expected: ALLOWED },
  { who: 'the namesake', principal: user('alice'), repository: 'alice', expected: DENIED },
  {
    who: 'who was given the name',
    principal: { ...user('bob'), owns: ['bob', 'alice'] },
    repository: 'alice/app',
    expected: ALLOWED,
  },
  {
    who: 'a namesake of a removed account',
    principal: { ...user('alice'), owns: [] },
    repository: 'alice/app',
    expected: DENIED,
  },
  {
    who: 'who was given a name with a slash',
    principal: { ...user('bob'), owns: ['bob', 'alice/x'] },
    repository: 'alice/x/app',
    expected: DENIED,
  },
  { who: 'another user', principal: user('bob'), repository: 'alice/app', expected: DENIED },
  { who: 'a prefix', principal: user('team'), repository: 'team-evil/app', expected: DENIED },
  { who: 'an extension', principal: user('team-evil'), repository: 'team/app', expected: DENIED },
  { who: 'a name deeper down', principal: user('alice'), repository: 'bob/alice/app', expected: DENIED },
  { who: 'an uppercase name', principal: user('Alice'), repository: 'alice/app', expected: DENIED },
  { who: 'an uppercase name', principal: user('Alice'), repository: 'Alice/app', expected: DENIED },
  { who: 'an uppercase repository', principal: user('alice'), repository: 'ALICE/app', expected: DENIED },
  { who: 'a name with a slash', principal: user('alice/x'), repository: 'alice/x/app', expected: DENIED },
  { who: 'a name with a slash', principal: user('alice/x'), repository: 'alice/x', expected: DENIED },
  { who: 'an empty name', principal: user(''), repository: '/app', expected: DENIED },
  { who: 'a dotted name', principal: user('..'), repository: '../app', expected: DENIED },
  {
    who: 'a name too long',
    principal: user('a'.repeat(65)),
    repository: `${'a'.repeat(65)}/x`,
    expected: DENIED,
  },
  {
    who: 'the owner with a pull token',
    principal: user('alice', [toPull('alice/app')]),
    repository: 'alice/app',
    expected: ['allow', 'widen', 'widen'],
  },
  {
    who: 'the owner with a push token',
    principal: user('alice', [{ repository: 'alice/app', actions: ['pull', 'push'] }]),
    repository: 'alice/app',
    expected: ['allow', 'allow', 'widen'],
  },
  {
    who: 'the owner with a token of the parent',
    principal: user('alice', [toPull('alice/app')]),
    repository: 'alice/app/sub',
    expected: WIDEN,
  },
  {
    who: 'the owner with a token of a name that begins alike',
    principal: user('alice', [toPull('alice/app')]),
    repository: 'alice/app-evil',
    expected: WIDEN,
  },
  {
    who: 'the owner with a token for nothing',
    principal: user('alice', []),
    repository: 'alice/app',
    expected: WIDEN,
  },
  {
    who: 'a user whose token outlived their right',
    principal: user('bob', [{ repository: 'alice/app', actions: ['pull', 'push', 'delete'] }]),
    repository: 'alice/app',
    expected: DENIED,
  },
  {
    who: 'an admin with a pull token',
    principal: admin([toPull('alice/app')]),
    repository: 'alice/app',
    expected: ['allow', 'widen', 'widen'],
  },
  {
    who: 'an admin with another token',
    principal: admin([toPull('b/c')]),
    repository: 'a/b',
    expected: WIDEN,
  },
]

for (const { who, principal, repository, expected } of MATRIX) {
  test(`\`decide()\` for ${who} on ${repository.slice(0, 20)} says ${expected.join(', ')}`, () => {
    assert.deepEqual(
      ACTIONS.map((action) => decide(principal, on(repository, action))),
      expected,
    )
  })
}

test('`decide()` lets every account, and nobody else, ask whether this is a registry', () => {
  assert.equal(decide(ANONYMOUS, { kind: 'ping' }), 'log-in')
  for (const principal of [user('alice'), user('alice', []), user('a/b'), admin(), admin([])]) {
    assert.equal(decide(principal, { kind: 'ping' }), 'allow')
  }
})

test('`decide()` lets every account ask for the catalog, with a token only if it was issued for that', () => {
  const decideCatalog = (principal: Principal): Decision => decide(principal, { kind: 'catalog' })
  assert.equal(decideCatalog(ANONYMOUS), 'log-in')
  for (const account of [user, (_: string, scopes?: TokenScope[]) => admin(scopes)]) {
    assert.equal(decideCatalog(account('alice')), 'allow')
    assert.equal(decideCatalog(account('alice', ['catalog', toPull('alice/app')])), 'allow')
    for (const scopes of [[], [toPull('alice/app')], [toPull('catalog')]]) {
      assert.equal(decideCatalog(account('alice', scopes)), 'widen')
    }
  }
  const holder = user('alice', ['catalog'])
  assert.equal(decide(holder, on('alice/app', 'pull')), 'widen', 'the list opens no repository')
})

test('`decide()` lets a token mount only from what it may pull, and lets a mount miss that nobody may make', () => {
  const mount = (principal: Principal, source: string): Decision =>
    decide(principal, { ...on('alice/app', 'push'), source: source as RepositoryName } as Demand)
  const pusher: TokenScope = { repository: 'alice/app', actions: ['pull', 'push'] }
  assert.equal(mount(ANONYMOUS, 'alice/base'), 'log-in')
  assert.equal(mount(user('alice'), 'alice/base'), 'allow')
  assert.equal(mount(user('alice', [pusher]), 'alice/app'), 'allow')
  assert.equal(mount(user('alice', [pusher]), 'alice/base'), 'widen')
  assert.equal(mount(user('alice', [pusher, 'catalog']), 'alice/base'), 'widen')
  assert.equal(mount(user('alice', [pusher, 'mount']), 'alice/base'), 'allow', 'to name one is to want less')
  assert.equal(mount(user('bob', [pusher, 'mount']), 'alice/base'), 'deny')
  assert.equal(
    mount(user('alice', [pusher, { repository: 'alice/base', actions: ['push'] }]), 'alice/base'),
    'widen',
  )
  assert.equal(mount(user('alice', [pusher, toPull('alice/base')]), 'alice/base'), 'allow')
  assert.equal(mount(user('alice', [pusher]), 'bob/base'), 'allow')
  assert.equal(mount(user('bob', [pusher]), 'bob/base'), 'deny')
  assert.equal(mount(admin([pusher]), 'bob/base'), 'widen')
})

test('`mountSources()` is all an account may pull, with a token what that holds pull on, or says', () => {
  const scopes: TokenScope[] = [
    toPull('alice/app'),
    'catalog',
    { repository: 'alice/pushed', actions: ['push'] },
    toPull('bob/app'),
    toPull('not a name'),
  ]
  assert.deepEqual(mountSources(ANONYMOUS), { prefixes: [] })
  assert.deepEqual(mountSources(user('alice')), { prefixes: ['alice/'] })
  assert.deepEqual(mountSources(user('alice', scopes)), { names: ['alice/app'] })
  assert.deepEqual(mountSources(user('alice', ['mount', ...scopes])), { prefixes: ['alice/'] })
  assert.deepEqual(mountSources(admin(scopes)), { names: ['alice/app', 'bob/app'] })
  assert.equal(mountSources(admin(['mount'])), 'all')
})

test('`visibleRepositories()` agrees with `decide()` on pulling', () => {
  const names = ['app', 'alice', 'alice/app', 'alice/x/y', 'alice-evil/app', 'bob/app', 'alice/x/app']
  for (const principal of [ANONYMOUS, user('alice'), user('bob'), user('alice/x'), user('ALICE'), admin()]) {
    const visible = visibleRepositories(principal)
    const listed = names.filter(
      (name) => visible === 'all' || visible.prefixes.some((prefix) => name.startsWith(prefix)),
    )
    assert.deepEqual(
      listed,
      names.filter((name) => decide(principal, on(name, 'pull')) === 'allow'),
    )
  }
})

/** Rules -> decisions about pull, push and delete in alice/app for alice, for bob and for an administrator. */
const RULE_TABLE: readonly [rules: AccessRules, alice: string, bob: string, admin: string][] = [
  [[], 'deny deny deny', 'deny deny deny', 'deny deny deny'],
  [
    [{ who: 'signed-in', where: 'registry', what: ['ping', 'catalog', 'mount'] }],
    'deny deny deny',
    'deny deny deny',
    'deny deny deny',
  ],
  [
    [{ who: 'signed-in', where: 'own', what: ['pull'] }],
    'allow deny deny',
    'deny deny deny',
    'deny deny deny',
  ],
  [
    [{ who: 'administrators', where: 'repositories', what: ['delete'] }],
    'deny deny deny',
    'deny deny deny',
    'deny deny allow',
  ],
  [
    [
      { who: 'administrators', where: 'repositories', what: ['delete'] },
      { who: 'signed-in', where: 'own', what: ['push'] },
      { who: 'signed-in', where: 'repositories', what: ['pull'] },
    ],
    'allow allow deny',
    'allow deny deny',
    'allow deny allow',
  ],
  [DEFAULT_RULES, 'allow allow allow', 'deny deny deny', 'allow allow allow'],
]

for (const [rules, ...expected] of RULE_TABLE) {
  const title = rules.map(({ who, where, what }) => `${who} ${what.join('+')} ${where}`).join(', ')
  test(`\`decide()\` allows no more than the rules: ${title || 'none'}`, () => {
    const decisions = [user('alice'), user('bob'), admin()].map((principal) =>
      ACTIONS.map((action) => decide(principal, on('alice/app', action), rules)).join(' '),
    )
    assert.deepEqual(decisions, expected)
    for (const action of ACTIONS) assert.equal(decide(ANONYMOUS, on('alice/app', action), rules), 'log-in')
  })
}

test('`decide()` denies what concerns the whole registry unless a rule allows it', () => {
  const only: AccessRules = [{ who: 'administrators', where: 'registry', what: ['catalog'] }]
  for (const kind of ['ping', 'catalog', 'mount'] as const) {
    assert.equal(decide(user('alice'), { kind }, []), 'deny')
    assert.equal(decide(user('alice'), { kind }, only), 'deny')
    assert.equal(decide(admin(), { kind }, only), kind === 'catalog' ? 'allow' : 'deny')
  }
})

test('`visibleRepositories()` shows what the rules let pull, and nothing for the right to push', () => {
  const pushers: AccessRules = [{ who: 'signed-in', where: 'repositories', what: ['push'] }]
  const pullers: AccessRules = [{ who: 'signed-in', where: 'repositories', what: ['pull'] }]
  assert.deepEqual(visibleRepositories(user('alice'), pushers), { prefixes: [] })
  assert.equal(visibleRepositories(user('alice'), pullers), 'all')
  assert.deepEqual(visibleRepositories(ANONYMOUS, pullers), { prefixes: [] })
})
