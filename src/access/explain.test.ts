import assert from 'node:assert/strict'
import { test } from 'node:test'
import { admin, user } from '../../test/support/access/principals.ts'
import { FUZZ_SHARE } from '../../test/support/content/fuzz-share.ts'
import { SeededRandom } from '../../test/support/content/seeded-random.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import type { RuleAction } from './actions.ts'
import { explainAccess } from './explain.ts'
import { ANONYMOUS, type Principal } from './principal.ts'
import { parsePattern } from './repository-pattern.ts'
import { NO_RULES, type RuleSet, type Visibility } from './rules.ts'

const CASES = 3_000 * FUZZ_SHARE
const PATTERNS = ['team/app', 'team/*', 'team/**', 'alice/**', '**', '*', 'app'].map(
  (text) => parsePattern(text) ?? assert.fail(text),
)
const NAMES = ['team/app', 'team/a/b', 'alice/app', 'app', 'bob/app'] as RepositoryName[]
const ACTIONS = ['pull', 'push', 'create', 'overwrite', 'delete', 'administer'] as const
const WHO = ['user:alice', 'user:bob', 'group:1', 'group:2', 'signed-in', 'anonymous']

function makeRules(random: SeededRandom): RuleSet {
  const pick = <T>(choices: readonly T[]): T => random.pick(choices) ?? assert.fail()
  const some = <T>(make: () => T): T[] => Array.from({ length: random.between(0, 4) }, make)
  return {
    groups: [
      { id: 'group:1', members: ['user:alice'] },
      { id: 'group:2', members: ['user:alice', 'user:bob'] },
    ],
    rules: some(() => {
      const who = pick(WHO)
      const what: RuleAction = pick(['pull', 'create', 'overwrite', 'delete', 'administer'])
      return { who, where: pick(PATTERNS), what: [who === 'anonymous' ? 'pull' : what] }
    }),
    visibility: some(() => ({
      where: pick(PATTERNS),
      visibility: pick<Visibility>(['private', 'internal', 'public']),
    })),
  }
}

test('`explainAccess()` has a reason for each act that `decide()` allows, and none for others', () => {
  const random = new SeededRandom('explain')
  const seen = new Map<string, number>()
  for (let index = 0; index < CASES; index++) {
    const rules = makeRules(random)
    const principal = random.pick<Principal>([ANONYMOUS, user('alice'), user('bob'), admin()]) ?? ANONYMOUS
    const demand = { repository: random.pick(NAMES) ?? assert.fail(), action: random.pick(ACTIONS) ?? 'pull' }
    const { decision, reasons } = explainAccess(principal, demand, rules)
    assert.equal(
      reasons.length > 0,
      decision === 'allow',
      JSON.stringify({ rules, principal, demand, reasons }),
    )
    for (const kind of [decision, ...reasons.map((reason) => reason.kind)])
      seen.set(kind, (seen.get(kind) ?? 0) + 1)
  }
  for (const kind of ['allow', 'deny', 'log-in', 'rule', 'visibility', 'owner', 'administrator'])
    assert.ok((seen.get(kind) ?? 0) > CASES / 300, kind)
})

test('`explainAccess()` names rules that allow others the same, and those of the principal that are less', () => {
  const [, , team] = PATTERNS
  const rules = [
    { who: 'group:1', where: team ?? assert.fail(), what: ['pull', 'create'] },
    { who: 'user:bob', where: team ?? assert.fail(), what: ['pull'] },
  ] as const
  const set: RuleSet = { ...NO_RULES, groups: [{ id: 'group:1', members: ['user:alice'] }], rules }
  const { decision, others, narrower } = explainAccess(
    user('bob'),
    { repository: 'team/app' as RepositoryName, action: 'push' },
    set,
  )
  assert.deepEqual([decision, others, narrower], ['deny', [rules[0]], [rules[1]]])
})
