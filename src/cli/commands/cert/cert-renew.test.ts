import assert from 'node:assert/strict'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { pino } from 'pino'
import { makePair } from '../../../../test/support/acme/acme-pair.ts'
import { settle, wishFor } from '../../../../test/support/acme/acme-room.ts'
import { problemReply } from '../../../../test/support/acme/scripted-acme-server.ts'
import { runCli } from '../../../../test/support/program/run-cli.ts'
import { takeRenewRequests } from '../../../app/certificates/renew-requests.ts'
import { lockDataFolder } from '../../../app/folders/data-folder.ts'

test('`berth cert renew` says until when, then what the CA said against it, and where no server runs', async () => {
  await using pair = await makePair()
  const { room, ca } = pair
  await settle(room, wishFor(['app.example.com']))
  const data = dirname(dirname(room.folder))
  const renew = (...args: string[]) => runCli(['cert', 'renew', ...args, '--data', data], { cwd: data })
  {
    using _lock = lockDataFolder(data)
    using _requests = await takeRenewRequests(data, {
      manager: room.manager,
      logger: pino({ level: 'silent' }),
    })
    const done = await renew('app.example.com')
    assert.match(done.stdout, /^app\.example\.com: valid, until \d{4}-\d\d-\d\d\n$/)
    assert.deepEqual([done.code, done.stderr], [0, ''])
    ca.script('order', problemReply('rateLimited', 'too many of them', { status: 429 }))
    const refused = await renew()
    assert.equal(refused.code, 1)
    assert.match(refused.stdout, /^app\.example\.com: FAILED\. .*rateLimited: too many of them\. \S/)
    assert.match(refused.stderr, /^error\[RENEWAL_FAILED\]: The CA issued nothing for app\.example\.com\. /)
    const json = await renew('--json')
    assert.match(JSON.parse(json.stdout).certificates[0].problem, /too many of them/)
    assert.match(
      (await renew('other.example.com')).stderr,
      /^error\[RENEWAL_REFUSED\]: .*other\.example\.com/,
    )
  }
  const alone = await renew()
  assert.ok(alone.stderr.startsWith(`error[NOT_RUNNING]: No server runs on the data folder ${data}`))
})
