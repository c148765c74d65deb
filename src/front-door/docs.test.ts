import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { formatDirectiveTable } from './vhost/directives/format-directives.ts'

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

/** The names in the first column of the table below a heading. */
function namesBehind(heading: string): string[] {
  const page = readFileSync(FILE, 'utf8')
  const section = page.slice(page.indexOf(`\n## ${heading}\n`) + heading.length + 5).split('\n## ')[0] ?? ''
  const cells = [...section.matchAll(/^\| (`[^|]+) \|/gm)].map(([, cell]) => cell ?? '')
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? ''))
}

function readSource(...files: readonly string[]): string {
  return files.map((file) => readFileSync(new URL(`docker/${file}.ts`, import.meta.url), 'utf8')).join('\n')
}

/** The names in quotes of a constant. */
function namesIn(file: string, constant: string): string[] {
  const source = readSource(file)
  const begin = source.indexOf(`const ${constant}`)
  const names = source.slice(begin, source.indexOf('])\n', begin)).matchAll(/'([^']+)'/g)
  return [...names].map(([, name]) => name ?? '')
}

test('docs/front-door.md lists exactly the variables of containers that are read', () => {
  const read = namesIn('facts/container-facts', 'VARIABLES')
  assert.ok(read.length > 20)
  assert.deepEqual(namesBehind('Variables of containers').sort(), read.sort())
})

test('docs/front-door.md lists exactly the labels that are known', () => {
  const known = namesIn('declare/site-settings', 'KNOWN_LABELS')
  assert.ok(known.length > 3)
  assert.deepEqual(namesBehind('Labels').sort(), known.sort())
})
