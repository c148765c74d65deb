import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kysely } from '../../database/kysely.ts'
import type { MetadataSchema } from '../schema.ts'
import { withinSpans } from './repository-filter.ts'

/** Conditions of a filter with so many prefixes and names, by the operators in its tree. */
function countConditions(prefixes: number, names: number): number {
  const eb = kysely.expressionBuilder<MetadataSchema, 'repositories'>()
  const filter = {
    prefixes: Array.from({ length: prefixes }, (_, index) => `p${index}/`),
    names: Array.from({ length: names }, (_, index) => `n${index}`),
    includes: () => true,
  }
  const tree = JSON.stringify(withinSpans(eb, filter).toOperationNode())
  return tree.split('"OperatorNode"').length - 1
}

test('a query has so few conditions that its plan takes milliseconds, however many rules a caller has', () => {
  // Two for each prefix, and one for all names.
  assert.equal(countConditions(500, 0), 1_000)
  assert.equal(countConditions(0, 8_000), 1)
  assert.equal(countConditions(500, 8_000), 1_001)
  for (const [prefixes, names] of [
    [501, 0],
    [7_500, 10],
    [0, 8_001],
  ] as const)
    assert.equal(countConditions(prefixes, names), 0, `${prefixes} ${names}`)
})
