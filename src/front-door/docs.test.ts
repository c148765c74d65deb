import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { formatDirectiveTable } from './directives/directive-table.ts'

const FILE = new URL('../../docs/front-door.md', import.meta.url)
const SECTION = /(<!-- directives: [^\n]* -->\n)([\s\S]*?)(<!-- \/directives -->)/

test('docs/front-door.md holds exactly the directives there are', () => {
  let page = readFileSync(FILE, 'utf8')
  if (process.env.UPDATE_DOCS === '1') {
    page = page.replace(SECTION, (_all, open, _table, close) => `${open}${formatDirectiveTable()}${close}`)
    writeFileSync(FILE, page)
  }
  assert.equal(SECTION.exec(page)?.[2], formatDirectiveTable())
})

/** The names in the first column of the table behind a heading. */
function namesBehind(heading: string): string[] {
  const page = readFileSync(FILE, 'utf8')
  const section = page.slice(page.indexOf(`\n## ${heading}\n`) + heading.length + 5).split('\n## ')[0] ?? ''
  const cells = [...section.matchAll(/^\| (`[^|]+) \|/gm)].map(([, cell]) => cell ?? '')
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? ''))
}

function sourceOf(...files: readonly string[]): string {
  return files.map((file) => readFileSync(new URL(`docker/${file}.ts`, import.meta.url), 'utf8')).join('\n')
}

test('docs/front-door.md lists exactly the variables of containers that are read', () => {
  const source = sourceOf('container-settings', 'container-sites')
  const read = [
    ...source.matchAll(/(?:variableOf\(container, |choose\()((?:'[A-Z][A-Z0-9_]+'(?:, )?)+)/g),
  ].flatMap(([, names]) => [...(names ?? '').matchAll(/'([A-Z0-9_]+)'/g)].map(([, name]) => name ?? ''))
  assert.ok(read.length > 20)
  assert.deepEqual([...new Set(namesBehind('Variables of containers'))].sort(), [...new Set(read)].sort())
})

test('docs/front-door.md lists exactly the labels that are read', () => {
  const source = sourceOf('container-settings', 'container-sites', 'own-networks')
  const chosen = [...source.matchAll(/choose\('[A-Z0-9_]+', '([a-z0-9._-]+)'\)/g)].map(
    ([, name]) => name ?? '',
  )
  const asked = [...source.matchAll(/labelOf\(container, '([a-z0-9._-]+)'\)/g)].map(([, name]) => name ?? '')
  const own = [...source.matchAll(/'com\.github\.nginx-proxy\.nginx-proxy\.([a-z]+)'/g)].map(
    ([, name]) => name ?? '',
  )
  assert.deepEqual(namesBehind('Labels').sort(), [...new Set([...chosen, ...asked, ...own])].sort())
})
