import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkExports } from './check-exports.ts'

/** Checks files given as path -> text. */
function check(files: Record<string, string>): string[] {
  return checkExports(new Map(Object.entries(files)))
}

describe('checkExports()', () => {
  it('refuses a value and a type that no other file imports', () => {
    const problems = check({
      'src/oci/a.ts':
        '/** A. */\nexport const a = 1\n\nexport interface B {}\nexport async function c() {}\n',
      'src/oci/d.ts': "import { c } from './a.ts'\n",
    })
    assert.deepEqual(problems, [
      'src/oci/a.ts:2: "a" is exported, and no other file imports it',
      'src/oci/a.ts:4: "B" is exported, and no other file imports it',
    ])
  })

  it('refuses names of a list', () => {
    const problems = check({
      'src/oci/a.ts': 'const a = 1\nconst b = 2\nexport { a, b as c }\n',
      'src/oci/d.ts': "import { a } from './a.ts'\n",
    })
    assert.deepEqual(problems, ['src/oci/a.ts:3: "c" is exported, and no other file imports it'])
  })

  for (const [form, importer] of Object.entries({
    'an import of types': "import type { A } from './a.ts'\n",
    'an import by another name': "import { type A as B } from './a.ts'\n",
    'an import over several lines': "import {\n  A,\n} from './a.ts'\n",
    'an import at run time': "const { A } = await import('./a.ts')\n",
    'a type of an import': "type B = import('./a.ts').A\n",
    'an import as a whole': "import * as a from './a.ts'\na.A\n",
  })) {
    it(`takes ${form}, also of a test`, () => {
      const files = { 'src/oci/a.ts': 'export type A = 1\n', 'src/oci/a.test.ts': importer }
      assert.deepEqual(check(files), [])
    })
  }

  it('takes a re-export for an import, and asks who imports that', () => {
    const problems = check({
      'src/oci/a.ts': 'export const a = 1\n',
      'src/oci/b.ts': "export { a } from './a.ts'\n",
    })
    assert.deepEqual(problems, ['src/oci/b.ts:1: "a" is exported, and no other file imports it'])
  })

  it('does not take an import of the same name from another file', () => {
    const problems = check({
      'src/oci/a.ts': 'export const a = 1\n',
      'src/oci/b.ts': "import { a } from './c.ts'\n",
    })
    assert.equal(problems.length, 1)
  })
})
