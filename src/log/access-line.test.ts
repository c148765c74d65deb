import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { createAccessLog } from './access-line.ts'
import { withoutUserInfo } from './redact.ts'

test('an access line holds no user name and password of a target in absolute form', () => {
  const lines: string[] = []
  const log = createAccessLog(pino({}, { write: (line: string) => void lines.push(line) }))
  const line = { id: 'r1', who: undefined, method: 'GET', status: 400, bytes: 0, received: 0, ms: 1 }
  const rest = { repository: undefined, remote: undefined, agent: undefined, error: undefined }
  log({ ...line, ...rest, path: 'http://ann:s3cret@registry.test/v2/?x' })
  const { path } = JSON.parse(lines[0] ?? '{}') as { path: string }
  assert.equal(path, 'http://[redacted]@registry.test/v2/')
})

test('`withoutUserInfo()` changes nothing but the part before the host', () => {
  assert.equal(withoutUserInfo('http://a@b:p@h/x@y?z@'), 'http://[redacted]@h/x@y?z@')
  for (const url of ['/v2/a@b', '//a@b/c', 'http://h/a@b', '*', '']) assert.equal(withoutUserInfo(url), url)
})
