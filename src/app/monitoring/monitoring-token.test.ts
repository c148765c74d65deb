import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'
import { MonitoringToken, readMonitoringToken } from './monitoring-token.ts'

const RIGHT = 'right-token-of-thirty-two-characters'
const WRONG = 'wrong-token-of-thirty-two-characters'
const ADDRESS = '192.0.2.7'
const REFUSED = { kind: 'refused', retryAfterS: undefined }

async function openToken() {
  const folder = await makeTempFolder('monitoring-token')
  const path = join(folder.path, 'token')
  await writeFile(path, `${RIGHT}\n`)
  const lines: string[] = []
  const note = (_facts: unknown, line: string): void => void lines.push(line)
  const logger = { error: note, info: note } as ConstructorParameters<typeof MonitoringToken>[1]['logger']
  const clock = { ms: 0 }
  const token = new MonitoringToken(path, { logger, clock: () => clock.ms, knownMs: 0 })
  return { token, path, lines, clock, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() }
}

test('`MonitoringToken` accepts its token, and nothing that only begins or ends like it', async () => {
  await using opened = await openToken()
  assert.deepEqual(await opened.token.judge(RIGHT, ADDRESS), { kind: 'accepted' })
  for (const wrong of [
    undefined,
    '',
    WRONG,
    `${RIGHT}a`,
    RIGHT.slice(0, -1),
    RIGHT.toUpperCase(),
    `${RIGHT}\n`,
  ])
    assert.deepEqual(await opened.token.judge(wrong, ADDRESS), REFUSED, JSON.stringify(wrong))
})

test('`MonitoringToken` lets an address wait after many wrong tokens; the right one is accepted all the same', async () => {
  await using opened = await openToken()
  const { token, clock } = opened
  for (let count = 0; count < 100; count++) assert.deepEqual(await token.judge(WRONG, ADDRESS), REFUSED)
  assert.deepEqual(await token.judge(WRONG, ADDRESS), { kind: 'refused', retryAfterS: 6 })
  assert.deepEqual(await token.judge(WRONG, '192.0.2.8'), REFUSED)
  assert.deepEqual(await token.judge(undefined, ADDRESS), REFUSED)
  assert.deepEqual(await token.judge(RIGHT, ADDRESS), { kind: 'accepted' })
  clock.ms += 6_000
  assert.deepEqual(await token.judge(WRONG, ADDRESS), REFUSED)
})

test('`MonitoringToken` takes a new token; while its file is gone no token is right, which is logged once', async () => {
  await using opened = await openToken()
  const { token, path, lines } = opened
  await writeFile(path, WRONG)
  assert.deepEqual(await token.judge(RIGHT, ADDRESS), REFUSED)
  assert.deepEqual(await token.judge(WRONG, ADDRESS), { kind: 'accepted' })
  await rm(path)
  for (const given of [RIGHT, WRONG, '']) assert.deepEqual(await token.judge(given, ADDRESS), REFUSED)
  await writeFile(path, RIGHT)
  assert.deepEqual(await token.judge(RIGHT, ADDRESS), { kind: 'accepted' })
  assert.equal(lines.length, 2)
  assert.match(lines[0] ?? '', /cannot be used: it cannot be read \(ENOENT\)\. No monitoring token counts/)
  assert.match(lines[1] ?? '', /can be used again/)
})

test('`readMonitoringToken()` refuses a token that is short or cannot be sent, and shows nothing of it', async () => {
  await using folder = await makeTempFolder('monitoring-token')
  const path = join(folder.path, 'token')
  for (const [text, why] of [
    ['short-secret', 'the token is shorter than 32 characters'],
    ['', 'the token is shorter than 32 characters'],
    [`${RIGHT} secret`, 'it is not one line of letters'],
    [`${RIGHT}\n${RIGHT}`, 'it is not one line of letters'],
  ] as const) {
    await writeFile(path, text)
    await assert.rejects(readMonitoringToken(path), (error: Error & { code?: string; remedy?: string }) => {
      assert.equal(error.code, 'MONITORING_TOKEN_UNUSABLE')
      assert.ok(error.message.includes(why), error.message)
      assert.doesNotMatch(`${error.message} ${error.remedy}`, /secret|right-token/)
      return true
    })
  }
  await assert.rejects(readMonitoringToken(join(folder.path, 'none')), { code: 'MONITORING_TOKEN_UNUSABLE' })
})
