import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { until } from '../support/machine/until.ts'
import { bootBerth } from '../support/program/boot-berth.ts'
import { runCli } from '../support/program/run-cli.ts'
import { noteSecret } from '../support/program/secret-canary.ts'
import { basicLogin } from '../support/requests/basic-login.ts'

const CHECKS = ['drain', 'health-file', 'database', 'storage', 'disk-floor', 'certificates']

interface CheckLine {
  readonly name: string
  readonly state: string
  readonly message?: string
}

async function makeToken(folder: string): Promise<{ token: string; file: string }> {
  const token = randomBytes(24).toString('hex')
  noteSecret(token)
  const file = join(folder, 'token')
  await writeFile(file, `${token}\n`, { mode: 0o600 })
  return { token, file }
}

function bearer(token: string): { authorization: string } {
  return { authorization: `Bearer ${token}` }
}

test('the registry has its metrics for the holder of the token alone', async () => {
  await using folder = await makeTempFolder('monitoring')
  const { token, file } = await makeToken(folder.path)
  await using berth = await bootBerth({
    users: [{ name: 'alice', isAdmin: true }],
    flags: ['--monitoring-token-file', file],
  })
  const url = `${berth.url}/metrics`
  for (const [headers, challenge] of [
    [{}, 'Bearer realm="monitoring"'],
    [{ authorization: berth.authorization('alice') }, 'Bearer realm="monitoring"'],
    [{ authorization: basicLogin('monitoring', token) }, 'Bearer realm="monitoring"'],
    [bearer(`${token}0`), 'Bearer realm="monitoring",error="invalid_token"'],
  ] satisfies [Record<string, string>, string][]) {
    const refused = await fetch(url, { headers })
    assert.equal(refused.status, 401)
    assert.equal(refused.headers.get('www-authenticate'), challenge)
    assert.doesNotMatch(await refused.text(), /berth_/)
  }
  // A query would be in logs of proxies: the token counts in the header only.
  assert.equal((await fetch(`${url}?token=${'x'.repeat(40)}`)).status, 401)

  const scraped = await fetch(url, { headers: bearer(token) })
  assert.equal(scraped.status, 200)
  assert.equal(scraped.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  assert.equal(scraped.headers.get('cache-control'), 'no-store')
  const text = await scraped.text()
  assert.match(text, /^berth_requests_total\{route="metrics",status="4xx",repository="none"\} 5$/m)
  assert.match(text, /^berth_disk_free_bytes\{disk="blobs"\} [1-9]/m)
  assert.equal((await fetch(url, { method: 'HEAD', headers: bearer(token) })).status, 200)
  const posted = await fetch(url, { method: 'POST', headers: bearer(token) })
  assert.deepEqual([posted.status, posted.headers.get('allow')], [405, 'GET, HEAD'])
  // The token opens nothing else.
  assert.equal((await fetch(`${berth.url}/v2/`, { headers: bearer(token) })).status, 401)
  await until(async () => (await readFile(berth.logFile, 'utf8')).includes('/metrics'))
  assert.ok(!(await readFile(berth.logFile, 'utf8')).includes(token))
})

test('without a token of the operator the registry has no metrics', async () => {
  await using berth = await bootBerth({ users: [] })
  for (const headers of [{}, bearer('x'.repeat(40))])
    assert.equal((await fetch(`${berth.url}/metrics`, { headers })).status, 404)
})

test('wrong tokens of one address are refused after a hundred, and the right one is accepted', async () => {
  await using folder = await makeTempFolder('monitoring')
  const { token, file } = await makeToken(folder.path)
  const flags = ['--monitoring-token-file', file, '--trusted-proxies', '127.0.0.1']
  await using berth = await bootBerth({ users: [], flags })
  const ask = (given: string, address: string, path = '/metrics'): Promise<Response> =>
    fetch(`${berth.url}${path}`, { headers: { ...bearer(given), 'x-forwarded-for': address } })
  for (let count = 0; count < 50; count++) {
    assert.equal((await ask('wrong', '192.0.2.1')).status, 401)
    // They are counted there, too, and answered as without a token.
    assert.equal(await (await ask('wrong', '192.0.2.1', '/readyz')).text(), '{"status":"ready"}')
  }
  const refused = await ask('wrong', '192.0.2.1')
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [429, '6'])
  assert.equal((await ask('wrong', '192.0.2.2')).status, 401)
  assert.equal((await ask(token, '192.0.2.1')).status, 200)
})

test('/readyz has the result of each check for the holder of the token, and the short answer for all others', async () => {
  await using folder = await makeTempFolder('monitoring')
  const { token, file } = await makeToken(folder.path)
  const healthFile = join(folder.path, 'out')
  const flags = ['--monitoring-token-file', file, '--health-file', healthFile, '--disk-floor', '1000000GB']
  await using berth = await bootBerth({ users: [{ name: 'alice', isAdmin: true }], flags })
  await berth.command(['read-only', 'on'])
  const read = async (headers: Record<string, string> = {}) => {
    const response = await fetch(`${berth.url}/readyz`, { headers })
    return { status: response.status, text: await response.text() }
  }
  const { status, text } = await read(bearer(token))
  const { checks, ...rest } = JSON.parse(text) as {
    checks: { name: string; state: string; ms: number }[]
    warnings: { code: string }[]
  }
  assert.equal(status, 200)
  assert.partialDeepStrictEqual(rest, { status: 'ready', warnings: [{ code: 'READ_ONLY' }] })
  assert.deepEqual(
    checks.map(({ name }) => name),
    CHECKS,
  )
  for (const { name, state, ms } of checks) {
    assert.equal(state, name === 'disk-floor' ? 'warning' : 'ok', name)
    assert.ok(ms >= 0 && ms < 10_000, name)
  }
  for (const headers of [{}, bearer('wrong'), { authorization: berth.authorization('alice') }])
    assert.match(
      (await read(headers)).text,
      /^\{"status":"ready","warnings":\[\{"code":"READ_ONLY","since":"[^"]+"\}\]\}$/,
    )
})

test('/readyz of a server that was taken out is 503 with and without the detail', async () => {
  await using folder = await makeTempFolder('monitoring')
  const { token, file } = await makeToken(folder.path)
  const healthFile = join(folder.path, 'out')
  const berth = await bootBerth({
    users: [],
    flags: ['--monitoring-token-file', file, '--health-file', healthFile],
  })
  try {
    await writeFile(healthFile, '')
    const detailed = await fetch(`${berth.url}/readyz`, { headers: bearer(token) })
    assert.equal(detailed.status, 503)
    const { checks, status } = (await detailed.json()) as { checks: CheckLine[]; status: string }
    assert.equal(status, 'not-ready')
    assert.deepEqual(
      checks.flatMap(({ name, state, message }) => (state === 'ok' ? [] : [{ name, state, message }])),
      [{ name: 'health-file', state: 'failed', message: 'The file of health-file exists' }],
    )
    const short = await fetch(`${berth.url}/readyz`)
    assert.equal(short.status, 503)
    assert.doesNotMatch(await short.text(), /checks|database/)
  } finally {
    // Its log has the answers 503 of this test, which the check at its end takes for faults.
    await assert.rejects(berth.stop(), /berth failed on a request/)
  }
})

test('a token that cannot be used is an error before a data folder is made', async () => {
  await using folder = await makeTempFolder('monitoring')
  const file = join(folder.path, 'token')
  await writeFile(file, 'shortsecret\n')
  const dataDir = join(folder.path, 'data')
  const flags = ['--data', dataDir, '--listen-http', '127.0.0.1:0', '--monitoring-token-file', file]
  const { code, stderr } = await runCli(['serve', ...flags])
  assert.equal(code, 1)
  assert.match(stderr, /error\[MONITORING_TOKEN_UNUSABLE\].*shorter than 32 characters/)
  assert.doesNotMatch(stderr, /shortsecret/)
  assert.equal(existsSync(dataDir), false)
})
