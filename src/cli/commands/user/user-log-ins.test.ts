import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeTempFolder } from '../../../../test/support/machine/temp-folder.ts'
import { runCli } from '../../../../test/support/program/run-cli.ts'

test('`berth user logins` and `logout` say that a name is no account, and nothing of one without log-ins', async () => {
  await using temp = await makeTempFolder('log-ins')
  const data = ['--data', join(temp.path, 'data')]
  await runCli(['user', 'add', 'alice', '--new', '--password-stdin', ...data], { stdin: 'longenough1\n' })
  for (const command of [
    ['logins', 'alicia'],
    ['logout', 'alicia', '--yes'],
    ['logout', 'alicia', 'one', '--yes'],
  ]) {
    const { code, stderr } = await runCli(['user', ...command, ...data])
    assert.equal(code, 1)
    assert.match(
      stderr,
      /^error\[UNKNOWN_ACCOUNT\]: No log-ins of "alicia" are stored, .* Run "berth user list/,
    )
  }
  assert.equal((await runCli(['user', 'logins', 'alice', ...data])).code, 0)
  const { stdout } = await runCli(['user', 'logout', 'alice', '--yes', ...data])
  assert.equal(stdout, '0 log-ins of alice were ended\n')
})
