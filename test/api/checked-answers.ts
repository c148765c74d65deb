import assert from 'node:assert/strict'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import type { Reply, RequestOptions } from '../protocol/connection.ts'
import type { RegistryUnderTest, User } from '../protocol/registry-under-test.ts'

interface Answers {
  readonly responses: Readonly<Record<string, { content?: Readonly<Record<string, { schema: object }>> }>>
}

/** A request whose answer is checked against the document of the API. */
export type SendChecked = (
  user: User,
  method: string,
  path: string,
  json?: unknown,
  headers?: RequestOptions['headers'],
) => Promise<Reply>

/** Sends requests below the base of the API; each answer must be one that the document describes. */
export async function checkAnswers(registry: RegistryUnderTest): Promise<SendChecked> {
  const { json: document } = await registry.send(undefined, 'GET', '/api/v1/openapi.json')
  const paths = Object.entries(document.paths as Record<string, Record<string, Answers>>).map(
    ([path, methods]) => ({ pattern: toPattern(path), methods }),
  )
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  ajv.addSchema(document, 'document')
  const compiled = new Map<object, ValidateFunction>()
  const validate = (schema: object, value: unknown): string | undefined => {
    const text = JSON.stringify(schema).replaceAll('"#/components', '"document#/components')
    const isValid = compiled.get(schema) ?? ajv.compile(JSON.parse(text))
    compiled.set(schema, isValid)
    return isValid(value) ? undefined : JSON.stringify(isValid.errors)
  }
  return async (user, method, path, json, headers = {}) => {
    const reply = await registry.send(user, method, `/api/v1${path}`, {
      headers: { ...(json !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(json !== undefined && { body: JSON.stringify(json) }),
    })
    const [bare = ''] = `/api/v1${path}`.split('?')
    const found = paths.find(({ pattern }) => pattern.test(bare))
    const operation =
      found?.methods[method.toLowerCase()] ?? assert.fail(`${method} ${path} is not described`)
    const answer =
      operation.responses[reply.status] ?? assert.fail(`${method} ${path}: ${reply.status} ${reply.text}`)
    const [[type, content] = []] = Object.entries(answer.content ?? {})
    assert.equal(reply.headers['content-type'], type, `${method} ${path}: ${reply.text}`)
    if (content)
      assert.equal(validate(content.schema, reply.json), undefined, `${method} ${path}: ${reply.text}`)
    else assert.equal(reply.text, '')
    return reply
  }
}

function toPattern(path: string): RegExp {
  return new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`)
}
