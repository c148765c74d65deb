import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { type AccessLine, createAccessLog } from './access-line.ts'
import { createLogger, type LogSettings } from './logger.ts'

const LINE: AccessLine = {
  id: 'r1',
  who: 'alice',
  method: 'GET',
  path: '/v2/alice/app/manifests/v1',
  status: 200,
  bytes: 10,
  received: 0,
  ms: 1.2345,
  repository: 'alice/app',
  remote: '127.0.0.1',
  agent: 'docker/27',
  error: undefined,
}

function capture(settings: Partial<LogSettings> = {}) {
  const lines: string[] = []
  const logger = createLogger(
    { level: 'info', format: 'json', ...settings },
    { write: (line) => void lines.push(line) },
  )
  return { logger, lines, parsed: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) }
}

test('createLogger() writes a JSON object a line with level and time in words', () => {
  const { logger, parsed } = capture()
  logger.info({ port: 5000 }, 'listening')
  const [line] = parsed()
  assert.match(String(line?.time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  assert.deepEqual({ ...line, time: 0 }, { level: 'info', time: 0, port: 5000, msg: 'listening' })
})

test('createLogger() keeps to its level', () => {
  const { logger, lines } = capture({ level: 'warn' })
  logger.info('not this')
  createAccessLog(logger)(LINE)
  logger.warn('this')
  assert.equal(lines.length, 1)
})

test('createLogger() redacts fields, messages and errors', () => {
  const { logger, lines } = capture()
  logger.info({ headers: { authorization: 'Basic canary' } }, 'got https://u:canary@host/?q=canary')
  logger.error(new Error('token=canary'))
  logger.error({ err: new Error('x', { cause: { password: 'canary' } }) }, 'with %s', 'Bearer canary1')
  assert.equal(lines.length, 3)
  assert.doesNotMatch(lines.join(''), /canary/)
})

test('createAccessLog() writes the fields in order, without those that are unknown', () => {
  const { logger, parsed } = capture()
  createAccessLog(logger)(LINE)
  const { time: _time, ...line } = parsed()[0] ?? {}
  assert.deepEqual(line, {
    level: 'info',
    id: 'r1',
    who: 'alice',
    method: 'GET',
    path: '/v2/alice/app/manifests/v1',
    status: 200,
    bytes: 10,
    received: 0,
    ms: 1.2,
    repository: 'alice/app',
    remote: '127.0.0.1',
    agent: 'docker/27',
    msg: 'request',
  })
})

test('createAccessLog() cuts queries and long agents, and strips control characters', () => {
  const { logger, parsed } = capture()
  createAccessLog(logger)({
    ...LINE,
    path: '/token?password=canary',
    agent: `evil\r\n\u001b[31m\u202e${'x'.repeat(300)}`,
  })
  const [line] = parsed()
  assert.equal(line?.path, '/token')
  assert.equal(line?.agent, `evil[31m${'x'.repeat(200 - 12)}`)
})

test('the text format is one short line, errors with their stack', () => {
  const { logger, lines } = capture({ format: 'text' })
  createAccessLog(logger)({ ...LINE, who: undefined, agent: 'two words' })
  logger.warn('forged\nline')
  logger.error(new Error('broken'))
  assert.match(
    lines[0] ?? '',
    /^\d\d:\d\d:\d\d info {2}request id=r1 method=GET path=\S+ status=200 bytes=10 received=0 ms=1.2 repository=alice\/app remote=127.0.0.1 agent="two words"\n$/,
  )
  assert.match(lines[1] ?? '', / warn {2}forgedline\n$/)
  assert.match(lines[2] ?? '', / error broken \n {4}Error: broken\n {4}at /)
})

test('what is logged just before the process ends is written', async () => {
  const module = new URL('./logger.ts', import.meta.url).href
  for (const format of ['json', 'text', 'logfmt']) {
    const script = `import { createLogger } from '${module}'
      const logger = createLogger({ level: 'info', format: '${format}' })
      for (let i = 0; i < 100; i++) logger.info({ i }, 'line')
      process.exit(3)`
    const run = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script])
    const result = (await run.catch((error: unknown) => error)) as { stdout: string; code: number }
    assert.equal(result.code, 3)
    assert.equal(result.stdout.trimEnd().split('\n').length, 100)
  }
})

test('flushLogger() has the lines written', async () => {
  const module = new URL('./logger.ts', import.meta.url).href
  const script = `import { createLogger, flushLogger } from '${module}'
    const logger = createLogger({ level: 'info', format: 'text' })
    logger.info('first')
    await flushLogger(logger)
    process.kill(process.pid, 'SIGKILL')`
  const run = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script])
  const { stdout } = (await run.catch((error: unknown) => error)) as { stdout: string }
  assert.match(stdout, /first\n$/)
})

test('a full disk under standard output ends nothing, and holds no end up', async () => {
  const module = new URL('./logger.ts', import.meta.url).href
  const script = `import { createLogger } from '${module}'
    const logger = createLogger({ level: 'info', format: 'json' })
    logger.info('first')
    setTimeout(() => {
      logger.info('still here')
      process.stderr.write('alive')
      process.exit(3)
    }, 2_500)`
  const full = await open('/dev/full', 'w')
  try {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', full.fd, 'pipe'],
      timeout: 20_000,
      killSignal: 'SIGKILL',
    })
    let output = ''
    child.stderr?.on('data', (text) => {
      output += text
    })
    const [code] = await once(child, 'close')
    assert.deepEqual([code, output], [3, 'alive'])
  } finally {
    await full.close()
  }
})
