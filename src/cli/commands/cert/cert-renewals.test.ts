import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { makePair } from '../../../../test/support/acme/acme-pair.ts'
import { settle, wishFor } from '../../../../test/support/acme/acme-room.ts'
import { problemReply } from '../../../../test/support/acme/scripted-acme-server.ts'
import { makeTempFolder } from '../../../../test/support/machine/temp-folder.ts'
import { runCli } from '../../../../test/support/program/run-cli.ts'
import { installPair } from '../../../certificates/install/install-pair.ts'

const NAME = 'app.example.com'

/** Output of `berth cert list` for a data folder. */
function list(data: string, ...more: string[]) {
  return runCli(['cert', 'list', '--data', data, ...more], { cwd: data })
}

describe('`berth cert list` of orders from CAs', () => {
  it('shows the last words of the CA, and when the next attempt is', async () => {
    await using pair = await makePair()
    const { room, ca } = pair
    ca.script('order', problemReply('rejectedIdentifier', 'not this one', { status: 403 }))
    await settle(room, wishFor([NAME]))
    const data = dirname(dirname(room.folder))
    const { stdout, code } = await list(data)
    assert.equal(code, 0)
    assert.match(stdout, /^There are no certificates in /)
    assert.match(stdout, /\nAsked of a CA:\n {2}app\.example\.com: FAILED at .*Z; next attempt at .*Z\.\n/)
    assert.match(stdout, /\n {4}ACME_REFUSED: .*rejectedIdentifier: not this one\.\n {4}→ \S.*\.\n/)
    const { renewals } = JSON.parse((await list(data, '--json')).stdout)
    assert.equal(renewals.length, 1)
    assert.deepEqual(renewals[0].names, [NAME])
    assert.equal(renewals[0].failures.count, 1)
    assert.equal(renewals[0].lastError.code, 'ACME_REFUSED')
    assert.equal(renewals[0].nextAttemptAt, new Date(room.clock.now + 60_000).toISOString())
  })

  it('shows the time of the next renewal, and the window of the CA', async () => {
    await using pair = await makePair()
    const { room, ca } = pair
    await settle(room, wishFor([NAME]))
    await room.manager.check()
    const data = dirname(dirname(room.folder))
    const issued = room.keeper.pairs.get(NAME)
    assert.ok(issued)
    await installPair(join(data, 'certificates', 'pairs'), NAME, issued)
    const status = room.manager.status()[0]
    const { stdout } = await list(data)
    const at = new Date(status?.nextAttemptAt ?? 0).toISOString().slice(0, 16).replace('T', ' ')
    assert.ok(stdout.includes(`\n  ${NAME} (${new URL(ca.directoryUrl).host}): next at ${at}Z`), stdout)
    const { renewals, certificates } = JSON.parse((await list(data, '--json')).stdout)
    assert.equal(renewals[0].notAfter, certificates[0].notAfter)
    assert.equal(renewals[0].window?.start, status?.window && new Date(status.window.start).toISOString())
    assert.equal(renewals[0].lastError, null)
  })

  it('passes over a record that is damaged', async () => {
    await using pair = await makePair()
    await settle(pair.room, wishFor([NAME]))
    const data = dirname(dirname(pair.room.folder))
    await writeFile(join(pair.room.folder, 'certificates', 'other-0.json'), '{')
    const { renewals } = JSON.parse((await list(data, '--json')).stdout)
    assert.equal(renewals.length, 1)
  })

  it('warns if that cannot be read, and shows the certificates all the same', async () => {
    await using temp = await makeTempFolder('list')
    await mkdir(join(temp.path, 'certificates', 'acme'), { recursive: true })
    await writeFile(join(temp.path, 'certificates', 'acme', 'certificates'), 'no folder')
    const { code, stdout, stderr } = await list(temp.path)
    assert.deepEqual([code, stdout.startsWith('There are no certificates')], [0, true])
    assert.match(stderr, /^warning: what CAs were asked for is not shown: .*ENOTDIR/)
  })

  it('never shows a key', async () => {
    await using pair = await makePair()
    await settle(pair.room, wishFor([NAME]))
    const { stdout } = await list(dirname(dirname(pair.room.folder)), '--json')
    assert.doesNotMatch(stdout, /PRIVATE|keyPem|pendingOrder/)
  })
})

describe('`berth cert list` and `check`', () => {
  it('tell a folder that cannot be looked into from an empty one', async () => {
    await using pair = await makePair()
    const data = dirname(dirname(pair.room.folder))
    await writeFile(join(data, 'file'), '')
    for (const command of ['list', 'check'])
      for (const [folder, why] of [
        ['nowhere', /The folder .*nowhere does not exist\. Check the path given with --certs\./],
        ['file', /The folder .*file is a file\. Name the folder it is in/],
      ] as const) {
        const { code, stderr } = await runCli(['cert', command, '--certs', folder], { cwd: data })
        assert.equal(code, 1)
        assert.match(stderr, /^error\[CERTIFICATE_FOLDER_UNUSABLE\]/)
        assert.match(stderr, why)
      }
    for (const command of ['list', 'check']) {
      const { stderr } = await runCli(['cert', command], { cwd: data })
      assert.match(stderr, /^error\[DATA_NOT_FOUND\]: There is no data of Berth in .*berth-data/)
    }
    await mkdir(join(data, 'berth-data', 'certificates'), { recursive: true })
    const { stdout, code } = await runCli(['cert', 'check'], { cwd: data })
    assert.equal(code, 0)
    assert.match(stdout, /^There are no certificates in .*installed and .*pairs\n$/)
  })
})
