import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSpanIds } from './span-ids.ts'
import { formatTraceContext, isChosen, parseTraceContext } from './trace-context.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'

for (const [traceparent, expected] of [
  [`00-${TRACE}-${SPAN}-01`, true],
  [`00-${TRACE}-${SPAN}-00`, false],
  // Later versions may have more flags and more parts.
  [`00-${TRACE}-${SPAN}-03`, true],
  [`cc-${TRACE}-${SPAN}-01-more`, true],
  [`00-${TRACE}-${SPAN}-01-more`, undefined],
  [`ff-${TRACE}-${SPAN}-01`, undefined],
  [`00-${'0'.repeat(32)}-${SPAN}-01`, undefined],
  [`00-${TRACE}-${'0'.repeat(16)}-01`, undefined],
  [`00-${TRACE.toUpperCase()}-${SPAN}-01`, undefined],
  [`00-${TRACE}-${SPAN}-1`, undefined],
  [`00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`, undefined],
  [`cc-${TRACE}-${SPAN}-01-${'x'.repeat(200)}`, undefined],
  ['', undefined],
  [undefined, undefined],
] as const) {
  test(`parseTraceContext() reads "${traceparent}" as ${expected === undefined ? 'none' : `sampled ${expected}`}`, () => {
    const context = parseTraceContext(traceparent, undefined)
    assert.equal(context?.isSampled, expected)
    if (context) assert.deepEqual([context.traceId, context.parentId], [TRACE, SPAN])
  })
}

test('parseTraceContext() keeps a tracestate within its bounds, and leaves out any other', () => {
  const stateOf = (state: unknown): string | undefined =>
    parseTraceContext(`00-${TRACE}-${SPAN}-01`, state)?.state
  const members = (count: number): string => Array.from({ length: count }, (_, n) => `k${n}=v`).join(',')
  assert.equal(stateOf('vendor=x, t@sys=y'), 'vendor=x, t@sys=y')
  assert.equal(stateOf(['a=1', 'b=2']), 'a=1,b=2')
  assert.equal(stateOf(members(32)), members(32))
  for (const bad of [members(33), `a=${'b'.repeat(511)}`, 'A=1', 'a', 'a=b=c', 'a=\u0001', 'a=é', 7])
    assert.equal(stateOf(bad), '', String(bad))
})

test('formatTraceContext() writes what parseTraceContext() reads', () => {
  const context = { traceId: TRACE, parentId: SPAN, isSampled: true, state: 'a=b' }
  const [, traceparent, , tracestate] = formatTraceContext(context)
  assert.deepEqual(parseTraceContext(traceparent, tracestate), context)
  assert.equal(formatTraceContext({ ...context, state: '' }).length, 2)
})

test('isChosen() chooses the given part of random ids, and the same ids at a higher ratio', () => {
  const newId = createSpanIds()
  const ids = Array.from({ length: 20_000 }, () => newId(16))
  assert.equal(new Set(ids).size, ids.length)
  assert.equal(ids.filter((id) => isChosen(id, 1)).length, ids.length)
  assert.equal(ids.filter((id) => isChosen(id, 0)).length, 0)
  const tenth = ids.filter((id) => isChosen(id, 0.1))
  assert.ok(tenth.length > 1_700 && tenth.length < 2_300, String(tenth.length))
  assert.ok(tenth.every((id) => isChosen(id, 0.2)))
})
