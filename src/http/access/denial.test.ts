import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Demand } from '../../access/decide.ts'
import { ANONYMOUS, accountPrincipal } from '../../access/principal.ts'
import { parseRepositoryName } from '../../oci/repository-name.ts'
import { createDenial, formatWarning } from './denial.ts'

const PUSH: Demand = { kind: 'repository', repository: parseRepositoryName('app'), action: 'push' }
const ORIGIN = 'https://h.test:5000'

function deny(name: string, owns: readonly string[]): string {
  const principal = accountPrincipal({ id: '1', name, isAdmin: false, owns }, undefined)
  return createDenial(principal, PUSH, ORIGIN).message
}

test('`createDenial()` says where the account may do what it wanted', () => {
  assert.equal(
    deny('alice', ['alice']),
    'alice has no right to push to h.test:5000/app: alice may push to h.test:5000/alice/...',
  )
  assert.match(deny('alice', ['a', 'b', 'c', 'd']), /a\/\.\.\., .*b\/\.\.\., .*c\/\.\.\. and others$/)
  assert.match(deny('alice/x', ['alice/x']), /owns no repositories here/)
})

test('`createDenial()` has the words of the specification where no repository is meant', () => {
  for (const demand of [PUSH, { kind: 'catalog' }] as const) {
    assert.match(createDenial(ANONYMOUS, demand, ORIGIN).message, /^requested access/)
  }
})

test('`formatWarning()` fits the words into a header', () => {
  const denial = createDenial(
    accountPrincipal({ id: '1', name: 'ü"\\', isAdmin: false, owns: [] }, undefined),
    PUSH,
    ORIGIN,
  )
  assert.match(formatWarning(denial), /^299 - "\?\\"\\\\ has no right to push to h\.test:5000\/app: .*"$/)
})
