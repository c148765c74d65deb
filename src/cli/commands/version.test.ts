import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startApp } from '../../../test/support/door/start-app.ts'
import { runCli } from '../../../test/support/program/run-cli.ts'
import { readVersion } from '../../app/product.ts'

/** A mirror that answers with this status and body; counts and keeps the requests. */
async function openMirror(body: string, status = 200) {
  const requests: string[] = []
  const app = await startApp(({ url, headers }, response) => {
    requests.push(`${url} ${JSON.stringify(headers)}`)
    response.writeHead(status, { location: '/elsewhere' }).end(body)
  })
  return {
    requests,
    check: (...flags: string[]) => runCli(['version', '--check', `${app.url}/berth.json`, ...flags]),
    [Symbol.asyncDispose]: () => app[Symbol.asyncDispose](),
  }
}

test('a newer version of the mirror is named with what is new, and the exit code is 1', async () => {
  await using mirror = await openMirror(
    '{"version": "99.0.1", "notes": "https://example.com/99", "other": 1}',
  )
  const { code, stdout, stderr } = await mirror.check('--plain-http')
  assert.equal(code, 1)
  assert.match(stdout, new RegExp(`^berth ${readVersion()} `))
  assert.match(
    stderr,
    /error\[VERSION_OLD\]: Version 99\.0\.1 is out; what is new: https:\/\/example\.com\/99/,
  )
  const { stdout: json } = await mirror.check('--plain-http', '--json')
  assert.partialDeepStrictEqual(JSON.parse(json), { newest: '99.0.1', isNewest: false })
  assert.ok(mirror.requests.every((request) => !request.includes(readVersion())))
})

test('the same and an older version are no failure', async () => {
  for (const version of [readVersion(), '0.0.1', `${readVersion()}-rc.1`]) {
    await using mirror = await openMirror(JSON.stringify({ version }))
    const { code, stdout } = await mirror.check('--plain-http')
    assert.deepEqual([code, /none that is newer/.test(stdout)], [0, true], version)
  }
})

const LONG = 'x'.repeat(70_000)
for (const [body, status, problem] of [
  ['{"version": "soon"}', 200, /VERSION_UNREADABLE.*"soon" is no version/],
  ['{"version": 2}', 200, /VERSION_UNREADABLE.*has no text "version"/],
  ['<html>', 200, /VERSION_UNREADABLE.*not JSON/],
  [`{"version": "1.0.0", "x": "${LONG}"}`, 200, /VERSION_UNREADABLE.*larger than/],
  ['{"version": "99.0.0"}', 302, /answered with status 302/],
  ['{"version": "99.0.0"}', 404, /answered with status 404/],
] as const) {
  test(`a mirror that answers ${status} with ${body.slice(0, 30)} is named`, async () => {
    await using mirror = await openMirror(body, status)
    const { code, stderr } = await mirror.check('--plain-http')
    assert.equal(code, 1)
    assert.match(stderr, problem)
    assert.equal(mirror.requests.length, 1)
  })
}

test('plain HTTP, passwords and other schemes are refused before anything is sent', async () => {
  await using mirror = await openMirror('{"version": "99.0.0"}')
  assert.equal((await mirror.check()).code, 2)
  for (const url of ['https://a:secret@mirror.example.com/', 'file:///etc/passwd', 'mirror']) {
    const { code, stderr } = await runCli(['version', '--check', url, '--plain-http'])
    assert.equal(code, 2)
    assert.ok(!stderr.includes('secret'))
  }
  assert.deepEqual(mirror.requests, [])
})
