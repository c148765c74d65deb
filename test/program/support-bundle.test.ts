import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { hideSecrets } from '../../src/app/support/hide-secrets.ts'
import { NameVeil } from '../../src/app/support/name-veil.ts'
import { redactText } from '../../src/log/redact.ts'
import { runCommand, runFailing } from '../support/machine/run-command.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { BERTH_BIN, bootBerth } from '../support/program/boot-berth.ts'
import { runCli } from '../support/program/run-cli.ts'
import { pushBlob } from '../support/requests/push-content.ts'
import { RawClient } from '../support/requests/raw-request.ts'

const canary = (): string => `canary${randomBytes(12).toString('hex')}`

/** A server that alice has pushed to, and strangers have knocked at. */
async function open() {
  await using resources = new AsyncDisposableStack()
  const folder = resources.use(await makeTempFolder('bundle'))
  const berth = resources.use(await bootBerth({ users: [{ name: 'alice-canary', isAdmin: true }] }))
  const password = berth.requirePassword('alice-canary')
  const basic = Buffer.from(`alice-canary:${password}`).toString('base64')
  const http = resources.use(new RawClient(berth.port, { authorization: `Basic ${basic}` }))
  await pushBlob(http, 'alice-canary/team-canary/app-canary', Buffer.from('content of a layer'))
  await http.send('GET', '/v2/gone-canary/manifests/latest')
  const kept = resources.move()
  return {
    ...{ berth, password, basic, folder: folder.path },
    /** Makes a bundle; returns its text. */
    async make(...flags: string[]): Promise<string> {
      const file = join(folder.path, `${randomBytes(4).toString('hex')}.txt`)
      const output = await berth.command(['support-bundle', file, ...flags])
      assert.match(output, /Read it before you send it/)
      assert.equal((await stat(file)).mode & 0o777, 0o600)
      return await readFile(file, 'utf8')
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

test('a bundle has versions, settings, findings, figures, entries and lines, and no secret', async () => {
  await using t = await open()
  const text = await t.make()
  for (const part of [
    /"berth": "\d+\.\d+\.\d+/,
    /^log-level: "info" \(default\)$/m,
    /"check": "disk"/,
    /"totalRequests": \d/,
    /^file 600 \d+:\d+ \d+ \S+ berth\.db$/m,
    /"path":"\/v2\/gone-canary\/manifests\/latest"/,
  ])
    assert.match(text, part)
  for (const secret of [t.password, t.basic]) assert.ok(!text.includes(secret))
})

test('a secret of any setting, file or line is masked', async () => {
  await using t = await open()
  const [hmac, inFile, inUrl, dnsKey, header] = [canary(), canary(), canary(), canary(), canary()]
  const passwordFile = join(t.folder, 'admin-password')
  await writeFile(passwordFile, `${inFile}\n`)
  const headersFile = join(t.folder, 'headers')
  await writeFile(headersFile, `authorization: Bearer ${header}\n`, { mode: 0o600 })
  const file = join(t.folder, 'masked.txt')
  const config = join(t.folder, 'berth.yaml')
  await writeFile(
    config,
    `domain: r.example.com
acme-email: a@example.com
acme-eab-key-id: ${inFile}
acme-eab-hmac-key: ${hmac}
admin-password-file: ${passwordFile}
acme-challenge: dns-01
acme-dns-server: 127.0.0.1:53
acme-dns-key: key:hmac-sha256:${Buffer.from(dnsKey).toString('base64')}
traces-endpoint: https://127.0.0.1:4318/${header}
traces-headers-file: ${headersFile}
database: postgres://berth:${inUrl}@127.0.0.1:1/berth
`,
  )
  const { stderr } = await runCli(['support-bundle', file, '--config', config, '--data', t.berth.dataDir])
  const text = await readFile(file, 'utf8').catch(() => assert.fail(stderr))
  // They stand there as values of settings that are no secrets.
  assert.match(text, /^traces-endpoint: "https:\/\/127\.0\.0\.1:4318\/\*{8}"/m)
  assert.match(text, /^acme-eab-key-id: "\*{8}"/m)
  for (const secret of [hmac, inFile, inUrl, header, Buffer.from(dnsKey).toString('base64')])
    assert.ok(!text.includes(secret), secret.slice(0, 6))
  assert.match(text, /^acme-eab-hmac-key: "\*{8}" /m)
})

test('without names no repository, account, host or client can be read, and each keeps its pseudonym', async () => {
  await using t = await open()
  const text = await t.make('--no-names')
  assert.doesNotMatch(text, /canary/i)
  assert.match(text, /"path":"\/v2\/name-[\da-f]{8}\/manifests\/latest"/)
  const [, who] = /"who":"(name-[\da-f]{8})"/.exec(text) ?? []
  assert.match(text, new RegExp(`"repository":"${who}/name-[\\da-f]{8}/name-[\\da-f]{8}"`))
  assert.ok(!(await t.make('--no-names')).includes(String(who)))
})

test('credentials are masked by their shape, and one secret in another leaves nothing of it', () => {
  const pem = '-----BEGIN PRIVATE KEY-----\nMIIabc\n-----END PRIVATE KEY-----'
  const text = `https://user:pass@host/ Authorization: Bearer abcdefgh "Basic YWxpY2U6cA==" ${pem} eyJhbGciOiJ9.eyJzdWIiOiJ9.c2lnbmF0dXJl`
  const hidden = hideSecrets(`${text} longer-secret secret`, ['secret', 'longer-secret'])
  assert.doesNotMatch(hidden, /pass|abcdefgh|YWxpY2U6|MIIabc|c2lnbm|longer|secret/)
  assert.match(hidden, /^https:\/\/\*+@host\/ Authorization: Bearer \*+ "Basic \*+"/)
})

test('a token of a known shape in a line of the log is masked, with names or without', async () => {
  await using t = await open()
  using http = new RawClient(t.berth.port, {})
  const tokens = makeTokens()
  for (const token of tokens) {
    await http.send('GET', `/v2/seen-${token}/manifests/latest`)
    await http.send('GET', '/v2/', { headers: { 'user-agent': `agent ${token}` } })
  }
  for (const text of [await t.make(), await t.make('--no-names')]) {
    assert.match(text, /\/v2\/(?:seen|name)-/)
    for (const token of tokens) for (const part of partsOf(token)) assert.ok(!text.includes(part), part)
  }
})

test('a token of a known shape is masked to its last character, and words that look alike stay', () => {
  for (const token of [...makeTokens(), pem('RSA PRIVATE KEY', '\n'), pem('CERTIFICATE', '\\n')]) {
    assert.equal(hideSecrets(`"msg":"before ${token}"`, []), '"msg":"before ********"', token)
    assert.equal(redactText(`before ${token}, after`), 'before [redacted], after', token)
  }
  const cut = pem('PRIVATE KEY', '\n').slice(0, 60)
  assert.equal(hideSecrets(`before ${cut}`, []), 'before ********')
  for (const words of [
    'global-registry-configuration-of-us',
    'pypi-mirror-of-our-company-internal',
    'npm_config_registry_of_this_machine',
    'xapp-frontend-of-our-company',
    'team/ghp_short',
  ])
    assert.equal(redactText(words), words)
})

test('a bundle goes to standard output alone', async () => {
  await using t = await open()
  for (const [name, ...flags] of [['-'], ['/dev/stdout'], ['-', '--json'], ['-', '--no-names']]) {
    const { code, stdout, stderr } = await runCommand('sh', [
      ...['-c', '"$0" "$@" | cat', BERTH_BIN, 'support-bundle', String(name), ...flags],
      ...['--data', t.berth.dataDir],
    ])
    assert.equal(`${code}${stderr}`, '0')
    assert.match(stdout, /^Support bundle of Berth, made [^\n]+\n/)
    assert.match(stdout, /==== Last lines of the log, of each process ====\n\n\{[^=]+\}\n$/)
    assert.doesNotMatch(stdout, /:\n {2}Versions and machine/)
  }
  // Into a file of the shell: it is not replaced by another.
  const file = join(t.folder, 'redirected.txt')
  await runCommand('sh', [
    '-c',
    `"$0" support-bundle /dev/stdout --data "$1" >> ${file}`,
    BERTH_BIN,
    t.berth.dataDir,
  ])
  assert.match(await readFile(file, 'utf8'), /^Support bundle of Berth/)
  const full = await runCommand('sh', [
    '-c',
    '"$0" support-bundle - --data "$1" > /dev/full',
    BERTH_BIN,
    t.berth.dataDir,
  ])
  assert.equal(full.code, 1)
  assert.match(full.stderr, /^error\[OUTPUT_CLOSED\]: .*ENOSPC/)
})

/** A token of each shape, of random characters. */
function makeTokens(): readonly string[] {
  const of = (
    length: number,
    alphabet = 'abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789',
  ): string => Array.from(randomBytes(length), (byte) => alphabet[byte % alphabet.length]).join('')
  const json = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  return [
    ...[`ghp_${of(36)}`, `gho_${of(36)}`, `github_pat_${of(22)}_${of(59)}`, `glpat-${of(20)}`],
    ...[`AKIA${of(16, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567')}`, `npm_${of(36)}`, `dckr_pat_${of(27)}`],
    ...[`xoxb-123456789012-123456789012-${of(24)}`, `xapp-1-${of(11)}-1234567890-${of(64)}`],
    ...[`pypi-AgEIcHlwaS5vcmc${of(100)}`, `AIza${of(35)}`, `sk_live_${of(24)}`, `hf_${of(34)}`],
    `${json({ alg: 'none', kid: of(8) })}.${json({ sub: of(20) })}.${of(43)}`,
  ]
}

/** A token, and its last half: what is left if a mask ends too soon. */
function partsOf(token: string): readonly string[] {
  return [token, token.slice(Math.ceil(token.length / 2))]
}

function pem(label: string, lineBreak: string): string {
  const body = [randomBytes(48), randomBytes(48)].map((bytes) => bytes.toString('base64'))
  return [`-----BEGIN ${label}-----`, ...body, `-----END ${label}-----`].join(lineBreak)
}

test('names and addresses are covered where they stand, and nothing else', () => {
  const veil = new NameVeil()
  for (const name of ['alice/topsecret', 'registry.example.com']) veil.add(name)
  const name = 'name-[\\da-f]{8}'
  for (const [text, covered] of [
    ['pull alice/topsecret@sha256:aa failed', `pull ${name}/${name}@sha256:aa failed`],
    ['topsecret.internal at 14:53:21.000', `${name} at 14:53:21.000`],
    ['connect ETIMEDOUT 2a01:4f8:1:2:3:4:5:6:443', `connect ETIMEDOUT ${name}:443`],
    ['client:2001:db8::5. and [2001:db8::6]:80', `client:${name}. and \\[${name}\\]:80`],
    ['x@203.0.113.9 from 127.0.0.1', `x@${name} from 127.0.0.1`],
    ['repository%3Aalice%2Fapp', `repository:${name}/app`],
    ['node 26.10.0, berth.db', 'node 26.10.0, berth.db'],
  ])
    assert.match(veil.cover(String(text)), new RegExp(`^${covered}$`))
  assert.match(
    veil.cover('bob@corp.example https://reg.corp.example/ docker/24.0.5'),
    new RegExp(`^${name} https://${name}/ docker/24.0.5$`),
  )
})

test('no request of a stranger changes what else is in a bundle without names', async () => {
  await using t = await open()
  using http = new RawClient(t.berth.port, {})
  await http.send('GET', '/level/msg/info/check/state/workers/2a01:4f8:1:2:3:4:5:6')
  const text = await t.make('--no-names')
  for (const part of ['"level":"info"', '"workers": 1', '"check": "disk"', 'log-format: '])
    assert.ok(text.includes(part), part)
})

test('a bundle never replaces a file, and one of a stopped server has no lines', async () => {
  await using folder = await makeTempFolder('bundle')
  const file = join(folder.path, 'kept.txt')
  await writeFile(file, 'kept')
  const data = ['--data', join(folder.path, 'none')]
  assert.match(await runFailing(BERTH_BIN, ['support-bundle', file, ...data]), /error\[FILE_EXISTS\]/)
  assert.equal(await readFile(file, 'utf8'), 'kept')
  const other = join(folder.path, 'other.txt')
  await runCli(['support-bundle', other, ...data])
  assert.match(await readFile(other, 'utf8'), /Cannot be had: no server runs on this data folder/)
})
