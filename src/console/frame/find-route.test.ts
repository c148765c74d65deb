import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRouteTable, type FindPlace } from './find-route.ts'
import { toRoute } from './route.ts'
import { z } from './schema.ts'

const find: FindPlace = createRouteTable([
  toRoute({
    method: 'GET',
    path: '/users/{account}',
    access: 'administer',
    id: 'getUser',
    summary: 'An account',
    answer: z.object({}),
    answerExample: {},
    handle: async () => ({ body: {} }),
  }),
])

test('each ASCII character of a name is escaped only where it is not one of those that stand for themselves', () => {
  for (let code = 0; code < 128; code++) {
    const character = String.fromCharCode(code)
    const escaped = `%${code.toString(16).toUpperCase().padStart(2, '0')}`
    const path = `/api/v1/users/x${escaped}`
    if (/[\w.~-]/.test(character)) assert.throws(() => find(path), { code: 'PATH_INVALID' }, path)
    else assert.equal(find(path)?.texts.account, `x${character}`, path)
    if (escaped !== escaped.toLowerCase())
      assert.throws(() => find(path.toLowerCase()), { code: 'PATH_INVALID' }, path)
  }
})

test('names outside of ASCII are found as clients write them', () => {
  for (const name of ['admin', 'é 日本', "o'brien", 'a@example.com', '50%'])
    assert.equal(find(`/api/v1/users/${encodeURIComponent(name)}`)?.texts.account, name)
})
