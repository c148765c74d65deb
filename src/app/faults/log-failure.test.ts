import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { OciError } from '../../oci/errors.ts'
import { logFailure } from './log-failure.ts'

/** Logs a failure. @returns its line. */
function writeLine(error: unknown): Record<string, unknown> {
  const lines: string[] = []
  logFailure(pino({ base: null, timestamp: false }, { write: (line) => void lines.push(line) }), error, 'r1')
  assert.equal(lines.length, 1)
  return JSON.parse(lines[0] ?? '')
}

test('`logFailure()` writes a known failure by its code, without a stack', () => {
  const refused = Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' })
  const message = 'The database of this registry cannot be used: it cannot be reached'
  const error = new OciError('UNAVAILABLE', {
    message,
    cause: new Error('a query failed', { cause: refused }),
  })
  assert.deepEqual(writeLine(error), {
    level: 50,
    id: 'r1',
    code: 'UNAVAILABLE',
    reason: message,
    cause: 'ECONNREFUSED',
    msg: 'request failed',
  })
  const full = Object.assign(new Error('no space left on device, write'), { code: 'ENOSPC' })
  assert.equal(
    writeLine(new OciError('STORAGE_FULL', { cause: full })).cause,
    'ENOSPC: no space left on device, write',
  )
  assert.equal(writeLine(new OciError('UNAVAILABLE')).cause, undefined)
})

test('`logFailure()` writes any other failure with its stack', () => {
  for (const error of [new Error('a bug'), new OciError('UNKNOWN', { cause: new Error('a bug') })]) {
    const { err } = writeLine(error) as { err: { stack: string } }
    assert.match(err.stack, /a bug[\s\S]*log-failure\.test/)
  }
})
