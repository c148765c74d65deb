import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'
import { loadConfig } from '../../config/load/load-config.ts'
import { openData } from '../data/open-data.ts'

test('tokens and robots that a command makes and ends are events, without their secrets', async () => {
  await using folder = await makeTempFolder('record-secrets')
  const { config } = loadConfig({ flags: { data: folder.path }, env: {}, cwd: folder.path })
  await using data = await openData(config)
  await data.accounts.add({ name: 'alice', password: 'correct horse canary', isAdmin: false })
  const { secret } = await data.tokens.create({ user: 'alice', name: 'laptop' })
  await data.tokens.revoke('alice', 'laptop')
  const robot = await data.robots.create({ name: 'robot-ci', hasSecret: true, owner: 'alice' })
  await data.robots.setDisabled('robot-ci', true)
  await data.robots.remove('robot-ci')
  await assert.rejects(data.robots.remove('robot-ci'))
  const events = (await data.audit.list({}, 100)).map(({ event }) => event)
  assert.deepEqual(
    events.map(({ action, target, who, via }) => [action, target, who, via]),
    [
      ['user.add', 'alice', '(command)', 'command'],
      ['token.issue', 'alice/laptop', '(command)', 'command'],
      ['token.revoke', 'alice/laptop', '(command)', 'command'],
      ['user.add', 'robot-ci', '(command)', 'command'],
      ['user.disable', 'robot-ci', '(command)', 'command'],
      ['user.remove', 'robot-ci', '(command)', 'command'],
    ],
  )
  for (const hidden of ['canary', secret, robot?.secret ?? assert.fail()])
    assert.ok(!JSON.stringify(events).includes(hidden))
})
