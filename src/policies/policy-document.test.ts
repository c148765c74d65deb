import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseRepositoryName } from '../oci/repository-name.ts'
import { decideAspect } from './decide-aspect.ts'
import { findImmutableTags } from './immutable-tags.ts'
import { parsePolicyDocument } from './policy-document.ts'

const FAULTS: readonly [name: string, value: unknown, message: RegExp, remedy: RegExp][] = [
  ['a list', [], /cannot be used: the document must be a mapping of keys to values$/, /docs\/policies/],
  ['an empty file', null, /the document is empty$/, /"policies: \[\]"/],
  ['a document without keys', {}, /the document is empty$/, /"policies: \[\]"/],
  ['decimal units', { quotas: [{ user: 'a', bytes: '10MB' }] }, /bytes must be .* KiB, MiB/, /./],
  ['a negative size', { quotas: [{ user: 'a', bytes: -5 }] }, /bytes must be at least 0$/, /./],
  [
    'a rule without keep',
    { policies: [{ repositories: ['a'], retention: { rules: [{ tags: ['*'] }] } }] },
    /rules\[0\]\.keep is missing$/,
    /./,
  ],
  [
    'a time without a unit',
    {
      policies: [
        { repositories: ['a'], retention: { rules: [{ tags: ['*'], keep: { 'pushed-within': 7 } }] } },
      ],
    },
    /keep: pushed-within must be a time such as 12h, 3d or 2w$/,
    /./,
  ],
  [
    'text in the place of a list',
    { policies: [{ repositories: ['a'], immutable: 'v*' }] },
    /immutable must be a list$/,
    /./,
  ],
  ['a wrong key', { polices: [] }, /the document has the key "polices"/, /Did you mean "policies"\?/],
  [
    'a wrong aspect',
    { policies: [{ repositories: ['a'], imutable: [] }] },
    /policies\[0\] has the key "imutable"/,
    /Did you mean "immutable"\?/,
  ],
  [
    'a strange aspect',
    { policies: [{ repositories: ['a'], zzz: 1 }] },
    /"zzz"/,
    /are known: repositories, immutable/,
  ],
  ['no repositories', { policies: [{ immutable: ['*'] }] }, /policies\[0\]\.repositories /, /./],
  [
    'an empty list of repositories',
    { policies: [{ repositories: [] }] },
    /policies\[0\]\.repositories /,
    /./,
  ],
  ['a number as a pattern', { policies: [{ repositories: [1] }] }, /policies\[0\]\.repositories\[0\] /, /./],
  [
    'too many policies',
    { policies: Array.from({ length: 501 }, () => ({ repositories: ['a'] })) },
    /policies/,
    /./,
  ],
  [
    'too many patterns',
    { policies: [{ repositories: Array.from({ length: 101 }, () => 'a') }] },
    /repositories/,
    /./,
  ],
  [
    'a document that is too large',
    { policies: Array.from({ length: 400 }, () => ({ repositories: ['a'.repeat(200)] })) },
    /too large/,
    /one pattern/,
  ],
]

for (const [name, value, message, remedy] of FAULTS) {
  test(`\`parsePolicyDocument()\` refuses ${name}`, () => {
    assert.throws(() => parsePolicyDocument(value), {
      name: 'PolicyError',
      code: 'POLICY_INVALID',
      message,
      remedy,
    })
  })
}

test('for each aspect the first policy decides that names the repository and has the aspect', () => {
  const document = parsePolicyDocument({
    policies: [
      { repositories: ['team/sandbox/**'], immutable: [] },
      { repositories: ['other/**'] },
      { repositories: ['other/app', 'team/**'], immutable: ['v*', '!*-rc*'] },
      { repositories: ['**'], immutable: ['release'] },
    ],
  })
  const decide = (name: string) => decideAspect(document, parseRepositoryName(name), 'immutable')
  assert.deepEqual(decide('team/app'), { index: 2, pattern: 'team/**', value: ['v*', '!*-rc*'] })
  assert.equal(decide('team/sandbox/x')?.index, 0)
  assert.equal(decide('other/app')?.pattern, 'other/app')
  assert.equal(decide('other/lib')?.index, 3)
  const find = (name: string, tag: string) =>
    findImmutableTags(document, parseRepositoryName(name))?.findPattern(tag)
  assert.equal(find('team/app', 'v1'), 'v*')
  assert.equal(find('team/app', 'v1-rc1'), undefined)
  assert.equal(find('team/app', 'release'), undefined, 'only one policy decides')
  assert.equal(find('team/sandbox/x', 'v1'), undefined)
})
