import assert from 'node:assert/strict'
import { test } from 'node:test'
import { admin, isListed, on, toPull, user } from '../../test/support/access/principals.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import type { RepositoryAction } from './actions.ts'
import {
  type Decision,
  type Demand,
  decide as decideBy,
  mountSources as mountSourcesBy,
  visibleRepositories,
} from './decide.ts'
import { ANONYMOUS, type Principal, type TokenScope } from './principal.ts'
import type { RepositoryScope } from './repository-scope.ts'
import { AccessRules, NO_RULES } from './rules.ts'

const NONE = new AccessRules(NO_RULES)
const decide = (principal: Principal, demand: Demand, rules: AccessRules = NONE): Decision =>
  decideBy(principal, demand, rules)
/** The spans of a scope: what it confirms beyond them is compared with `decide()` elsewhere. */
const spans = (scope: RepositoryScope): unknown =>
  scope === 'all' ? 'all' : { names: scope.names, prefixes: scope.prefixes }
const mountSources = (principal: Principal): unknown => spans(mountSourcesBy(principal, NONE))

const ACTIONS: readonly RepositoryAction[] = ['pull', 'push', 'delete']

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
  assert.deepEqual(mountSources(ANONYMOUS), { names: [], prefixes: [] })
  assert.deepEqual(mountSources(user('alice')), { names: [], prefixes: ['alice/'] })
  assert.deepEqual(mountSources(user('alice', scopes)), { names: ['alice/app'], prefixes: [] })
  assert.deepEqual(mountSources(user('alice', ['mount', ...scopes])), { names: [], prefixes: ['alice/'] })
  assert.deepEqual(mountSources(admin(scopes)), { names: ['alice/app', 'bob/app'], prefixes: [] })
  assert.equal(mountSources(admin(['mount'])), 'all')
})

test('`visibleRepositories()` agrees with `decide()` on pulling', () => {
  const names = ['app', 'alice', 'alice/app', 'alice/x/y', 'alice-evil/app', 'bob/app', 'alice/x/app']
  for (const principal of [ANONYMOUS, user('alice'), user('bob'), user('alice/x'), user('ALICE'), admin()]) {
    const listed = names.filter((name) => isListed(visibleRepositories(principal, NONE), name))
    assert.deepEqual(
      listed,
      names.filter((name) => decide(principal, on(name, 'pull')) === 'allow'),
    )
  }
})
