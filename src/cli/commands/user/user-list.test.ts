import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeTempFolder } from '../../../../test/support/machine/temp-folder.ts'
import { runCli } from '../../../../test/support/program/run-cli.ts'

test('`berth user list` says that users of a virtual host are not listed, where there may be some', async () => {
  await using folder = await makeTempFolder('user-list')
  const data = ['--data', join(folder.path, 'data')]
  const add = ['user', 'add', 'admin', '--admin', '--new', '--password-stdin', ...data]
  assert.equal((await runCli(add, { stdin: 'a password of admin' })).code, 0)
  const lone = await runCli(['user', 'list', ...data])
  assert.match(lone.stdout, /^admin +admin +enabled +database/m)
  assert.equal(lone.stderr, '')
  const config = join(folder.path, 'berth.yaml')
  await writeFile(config, 'domain: registry.example.com\n')
  const list = ['user', 'list', '--config', config, ...data]
  assert.match(
    (await runCli(list)).stderr,
    /^Users of a password file of the registry's virtual host .* are not listed/,
  )
  const { stdout, stderr } = await runCli([...list, '--json'])
  assert.equal(JSON.parse(stdout).users.length, 1)
  assert.equal(stderr, '')
})
