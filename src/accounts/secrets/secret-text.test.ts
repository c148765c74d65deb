import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSecret, findSecretKind, hashSecret } from './secret-text.ts'

test('`createSecret()` makes texts that need no quotes, with a prefix that scanners find', () => {
  assert.match(createSecret('pat'), /^berth_pat_[0-9A-Za-z]{36}$/)
  assert.match(createSecret('robot'), /^berth_robot_[0-9A-Za-z]{36}$/)
  const many = new Set(Array.from({ length: 500 }, () => createSecret('pat')))
  assert.equal(many.size, 500)
  // Each of the 62 digits is used: 500 secrets have 15,000 of them.
  assert.equal(new Set([...many].flatMap((secret) => [...secret.slice(10, 40)])).size, 62)
})

test('`findSecretKind()` refuses each secret with one wrong, missing, swapped or added character', () => {
  const secret = createSecret('robot')
  assert.equal(findSecretKind(secret), 'robot')
  assert.equal(findSecretKind(createSecret('pat')), 'pat')
  for (let index = 'berth_robot_'.length; index < secret.length; index++) {
    const other = secret.charAt(index) === 'a' ? 'b' : 'a'
    const before = secret.slice(0, index)
    const faulty = [before + other + secret.slice(index + 1), before + secret.slice(index + 1), `${secret}a`]
    if (secret.charAt(index) !== secret.charAt(index + 1) && index + 1 < secret.length)
      faulty.push(before + secret.charAt(index + 1) + secret.charAt(index) + secret.slice(index + 2))
    for (const text of faulty) assert.equal(findSecretKind(text), 'faulty', text)
  }
  assert.equal(findSecretKind(secret.replace('_robot_', '_pat_')), 'faulty')
  assert.equal(findSecretKind(` ${secret}`), undefined)
  assert.equal(findSecretKind('berth_rt_abc'), undefined)
  assert.equal(findSecretKind('correct horse'), undefined)
})

test('`hashSecret()` is a SHA-256, which no secret can be read from', () => {
  assert.match(hashSecret(createSecret('pat')), /^[0-9a-f]{64}$/)
})
