import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SeededRandom } from '../../../../../test/support/content/seeded-random.ts'
import { describeProblem, parseProblem } from './problem.ts'

describe('`parseProblem()`', () => {
  test('keeps type, detail and the problems of single names', () => {
    const problem = parseProblem(
      {
        type: 'urn:ietf:params:acme:error:malformed',
        detail: 'Some of the identifiers were rejected',
        subproblems: [
          {
            type: 'urn:ietf:params:acme:error:caa',
            detail: 'forbidden',
            identifier: { type: 'dns', value: 'a.example' },
          },
          { type: 'https://ca.example.com/own', detail: '' },
        ],
      },
      400,
    )
    assert.equal(
      problem && describeProblem(problem),
      'malformed: Some of the identifiers were rejected; a.example: caa: forbidden; a name: https://ca.example.com/own',
    )
  })

  for (const value of [undefined, null, 'text', 7, [], {}, { type: 7 }])
    test(`finds none in ${JSON.stringify(value)}`, () => assert.equal(parseProblem(value), undefined))

  test('makes one bounded line without control characters of anything', () => {
    const random = new SeededRandom('problems')
    const text = (): string =>
      String.fromCodePoint(
        ...Array.from({ length: random.between(0, 2000) }, () => random.between(0, 0x2fff)),
      )
    const value = (): unknown => random.pick([text(), 7, null, [], {}, { value: text() }])
    for (let round = 0; round < 500; round++) {
      const subproblems = Array.from({ length: random.between(0, 3) }, () => ({
        ...{ type: value(), detail: value(), identifier: value() },
      }))
      const problem = parseProblem({ type: text(), detail: value(), subproblems })
      const line = problem === undefined ? '' : describeProblem(problem)
      assert.doesNotMatch(line, /[\p{Cc}\u2028\u2029\u202a-\u202e]/u)
      assert.ok(line.length < 20_000)
    }
  })

  test('keeps a hundred problems of names at most', () => {
    const subproblems = Array.from({ length: 10_000 }, () => ({ type: 'x', detail: 'y' }))
    assert.equal(parseProblem({ type: 'x', detail: '', subproblems })?.subproblems.length, 100)
  })
})
