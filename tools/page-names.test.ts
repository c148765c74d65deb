import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { findMissingNames } from './page-names.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

test('`findMissingNames()` finds paths, calls and names that are gone', () => {
  const things = {
    paths: ['src/a/b.ts'],
    source: 'export function listen(): void {}\nclass HostTable {}\nGET_IT',
  }
  const page =
    '`a/b.ts` `b.ts` `a/` `listen()` `HostTable` `GET_IT` `docker push` `/v2/`\n`c.ts` `d/` `gone()` `LostTable`'
  assert.deepEqual(findMissingNames(page, things), ['2: c.ts', '2: d/', '2: gone()', '2: LostTable'])
})

test('every path, call and name in ARCHITECTURE.md exists', () => {
  const paths = globSync('{bin,src,test,tools,bench,packaging,docs}/**', { cwd: root })
  const source = paths
    .filter((path) => path.startsWith('src/') && path.endsWith('.ts'))
    .map((path) => readFileSync(`${root}/${path}`, 'utf8'))
    .join('\n')
  const page = readFileSync(`${root}/ARCHITECTURE.md`, 'utf8')
  assert.deepEqual(findMissingNames(page, { paths: [...paths, '.ci/run'], source }), [])
})
