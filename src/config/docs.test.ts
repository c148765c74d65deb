import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { OPTION_LIST } from './options/options.ts'
import { formatReference } from './options/reference.ts'
import { loadYaml } from './sources/yaml.ts'

const FILE = new URL('../../docs/configuration.md', import.meta.url)
const SECTION = /(<!-- settings: [^\n]* -->\n)([\s\S]*?)(<!-- \/settings -->)/

test('docs/configuration.md holds exactly the settings there are', () => {
  let page = readFileSync(FILE, 'utf8')
  if (process.env.UPDATE_DOCS === '1') {
    page = page.replace(SECTION, (_all, open, _table, close) => `${open}${formatReference()}${close}`)
    writeFileSync(FILE, page)
  }
  assert.equal(SECTION.exec(page)?.[2], formatReference())
})

test('the example of each setting is one that it can have, and not its default', () => {
  for (const { name, example, parse, default: standard } of OPTION_LIST) {
    const value: unknown = loadYaml().parse(`${name}: ${example}`)[name]
    assert.ok(parse.safeParse(value).success, `${name}: ${example}`)
    assert.notEqual(String(value), standard, `${name}: ${example} is the default`)
  }
})

test('the settings named in the example of docs/configuration.md exist', () => {
  const example = /```yaml\n([\s\S]*?)```/.exec(readFileSync(FILE, 'utf8'))?.[1] ?? ''
  const keys = [...example.matchAll(/^([a-z-]+):/gm)].map(([, key]) => key)
  assert.ok(keys.length > 3)
  for (const key of keys)
    assert.ok(
      OPTION_LIST.some(({ name }) => name === key),
      `${key} is no setting`,
    )
})
