import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeTempFolder } from '../../../../test/support/machine/temp-folder.ts'
import { makeDataFolder } from '../../../../test/support/program/new-data.ts'
import { type CliCall, runCli } from '../../../../test/support/program/run-cli.ts'
import { findOperator } from '../../context/find-operator.ts'

const FILE = `
policies:
  - repositories: ['team/sandbox/**']
    immutable: []
  - repositories: ['team/**', 'other']
    immutable: ['v*', '!*-rc*']   # a comment
`

async function open() {
  const folder = await makeTempFolder('policy')
  const data = join(folder.path, 'data')
  await makeDataFolder(data)
  const berth = (args: readonly string[], call: CliCall = {}) =>
    runCli(['policy', ...args, '--data', data], { cwd: folder.path, ...call })
  return {
    berth,
    write: (text: string) => writeFile(join(folder.path, 'policies.yaml'), text),
    async readJson(...args: string[]) {
      return JSON.parse((await berth([...args, '--json'])).stdout)
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

test('`berth policy apply --dry-run` shows the difference and changes nothing; without it the file is in force', async () => {
  await using t = await open()
  assert.match((await t.berth(['show'])).stdout, /^No policies were ever set/)
  await t.write(FILE)
  const dry = await t.berth(['apply', 'policies.yaml', '--dry-run'])
  assert.match(dry.stdout, /^- policies: \[\]$/m)
  assert.match(dry.stdout, /^\+ {5}- v\*$|^\+ {7}- v\*$/m)
  assert.match(dry.stdout, /Nothing was changed: version 0/)
  assert.equal((await t.readJson('show')).version, 0)
  assert.match((await t.berth(['apply', 'policies.yaml'])).stdout, /in force as version 1\n$/)
  assert.match(
    (await t.berth(['apply', 'policies.yaml'])).stdout,
    /^The policies in force are the same: version 1 stays/,
  )
  const shown = await t.readJson('show')
  assert.deepEqual([shown.version, shown.document.policies.length], [1, 2])
  assert.equal(shown.changedBy, findOperator())
  assert.match(
    (await t.berth(['show'])).stdout,
    /^policies\[1\] +team\/\*\* other +immutable: \["v\*","!\*-rc\*"\]$/m,
  )
})

test('what `berth policy export` prints can be applied again, from a pipe, too, unless others changed it meanwhile', async () => {
  await using t = await open()
  await t.berth(['apply', '-'], { stdin: FILE })
  const exported = (await t.berth(['export'])).stdout
  assert.match(exported, /^version: 1\n/)
  assert.match((await t.berth(['apply', '-'], { stdin: exported })).stdout, /version 1 stays/)
  assert.equal((await t.berth(['apply', '-'], { stdin: '{"policies":[]}' })).code, 0)
  const late = await t.berth(['apply', '-'], { stdin: exported })
  assert.equal(late.code, 1)
  assert.match(
    late.stderr,
    /^error\[POLICY_CHANGED\]: The file is of version 1, .* of version 2, set .* by \S+ \(command\)\. Run "berth policy export --data [^"]+"/,
  )
  assert.deepEqual(await t.readJson('export'), { version: 2, policies: [] })
})

test('`berth policy apply` refuses a file that is none, with the place of the fault, and exit code 2', async () => {
  await using t = await open()
  for (const [text, message] of [
    ['policies: [', /^error\[POLICY_INVALID\]: .*line 1 is not YAML/],
    ['polices: []', /Did you mean "policies"\?/],
    ['- a', /^error\[POLICY_INVALID\]: .*the document/],
    ['version: x', /version is no whole number/],
    ['policies: [{repositories: [Team], immutable: [v1]}]', /policies\[0\]\.repositories\[0\] must be/],
    ['a: &a [*a]', /^error\[POLICY_INVALID\]/],
  ] as const) {
    const { code, stderr } = await t.berth(['apply', '-'], { stdin: text })
    assert.equal(code, 2, text)
    assert.match(stderr, message)
  }
  const missing = await t.berth(['apply', 'absent.yaml'])
  assert.deepEqual([missing.code, missing.stderr.includes('error[POLICY_UNREADABLE]')], [2, true])
  const large = await t.berth(['apply', '-'], { stdin: ' '.repeat(1024 * 1024 + 1) })
  assert.match(large.stderr, /larger than 1 MiB/)
  assert.equal((await t.readJson('show')).version, 0)
})

test('`berth policy test` names the policy that decides, for the policies in force and for a file', async () => {
  await using t = await open()
  await t.write(FILE)
  await t.berth(['apply', 'policies.yaml'])
  assert.match(
    (await t.berth(['test', 'team/app:v1'])).stdout,
    /^immutable +policies\[1\] +team\/\*\* +v1 is immutable: v\* of/m,
  )
  assert.match((await t.berth(['test', 'team/app:v1-rc1'])).stdout, /v1-rc1 may be changed/)
  const [sandbox] = (await t.readJson('test', 'team/sandbox/x')).aspects
  assert.deepEqual(
    [sandbox.aspect, sandbox.policy, sandbox.pattern, sandbox.value],
    ['immutable', 0, 'team/sandbox/**', []],
  )
  const [absent] = (await t.readJson('test', 'third/app')).aspects
  assert.deepEqual([absent.policy, absent.why], [null, 'no policy for this repository has it'])
  const inFile = await runCli(['policy', 'test', 'a', '--file', '-', '--json'], {
    stdin: 'policies: [{repositories: [a], immutable: [x]}]',
  })
  assert.equal(JSON.parse(inFile.stdout).aspects[0].policy, 0)
  const retention = ['policy', 'test', 'a:ci-1', '--file', '-']
  const stdin =
    'policies: [{repositories: [a], retention: {rules: [{tags: [v*], keep: all}, {tags: [ci-*], keep: {newest: 3}}]}}]'
  assert.match(
    (await runCli(retention, { stdin })).stdout,
    /ci-1 is decided by rules\[1\], ci-\*: newest 3$/m,
  )
  assert.equal((await t.berth(['test', 'Team'])).code, 2)
})
