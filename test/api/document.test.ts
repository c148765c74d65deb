import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { readFencedCommands } from '../docs/fenced-commands.ts'
import type { RegistryUnderTest } from '../protocol/registry-under-test.ts'
import { runOk } from '../support/machine/run-command.ts'
import { apiEngines } from './api-engines.ts'

const FILE = new URL('../../docs/openapi.json', import.meta.url)
const [sqlite] = apiEngines()

type Json = Record<string, unknown>

/** Every content of a document that has an example, with the place where it stands. */
function findExamples(value: unknown, at = '#'): { at: string; schema: object; example: unknown }[] {
  if (typeof value !== 'object' || value === null) return []
  const { schema, example } = value as { schema?: object; example?: unknown }
  const own = schema && example !== undefined ? [{ at, schema, example }] : []
  return [...own, ...Object.entries(value).flatMap(([name, inner]) => findExamples(inner, `${at}/${name}`))]
}

describe('the document of the API', () => {
  let registry: RegistryUnderTest
  let document: Json
  before(async () => {
    registry = await (sqlite ?? assert.fail()).start()
    document = (await registry.send(undefined, 'GET', '/api/v1/openapi.json')).json
  })
  after(() => registry[Symbol.asyncDispose]())

  test('is the one in docs/openapi.json', () => {
    const text = `${JSON.stringify(document, null, 2)}\n`
    if (process.env.UPDATE_DOCS === '1') writeFileSync(FILE, text)
    assert.deepEqual(
      JSON.parse(readFileSync(FILE, 'utf8')),
      document,
      'UPDATE_DOCS=1 node --test test/api/document.test.ts writes it anew: look at the difference, as clients rely on it',
    )
  })

  test('is valid OpenAPI 3.1', async () => {
    const { valid, errors } = await new Validator().validate(structuredClone(document))
    assert.ok(valid, JSON.stringify(errors))
  })

  test('has examples of its own forms, and only operations with a summary and a name of their own', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false })
    ajv.addSchema(document, 'document')
    const examples = findExamples(document)
    assert.ok(examples.length > 3)
    for (const { at, schema, example } of examples) {
      const text = JSON.stringify(schema).replaceAll('"#/components', '"document#/components')
      const isValid = ajv.compile(JSON.parse(text))
      assert.ok(isValid(example), `${at}: ${JSON.stringify(isValid.errors)}`)
    }
    const operations = Object.values(document.paths as Record<string, Record<string, Json>>).flatMap(
      Object.values,
    )
    const ids = operations.map(({ operationId }) => operationId)
    assert.equal(new Set(ids).size, ids.length)
    for (const { operationId, summary } of operations) assert.ok(summary, String(operationId))
  })

  test('the commands of docs/api.md do what the page says', async () => {
    const commands = readFencedCommands().filter(({ page }) => page === 'docs/api.md')
    assert.ok(commands.length >= 2)
    for (const { command } of commands) {
      const line = command
        .replaceAll('http://127.0.0.1:5000', registry.url)
        .replaceAll('--user alice', `--fail --silent --user alice:${registry.requirePassword('alice')}`)
      assert.match(await runOk('sh', ['-c', line]), /"name":"alice\/app"/)
    }
  })
})
