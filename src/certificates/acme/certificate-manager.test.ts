import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { makeAcmeRoom, settle, wishFor } from '../../../test/support/acme-room.ts'
import { ScriptedAcmeServer } from '../../../test/support/scripted-acme-server.ts'

describe('`CertificateManager`', () => {
  test('gets a certificate for a wish, once', async () => {
    await using ca = await ScriptedAcmeServer.start()
    await using room = await makeAcmeRoom({ directory: ca.directoryUrl, email: 'me@example.com' })
    ca.judge = ({ token, keyAuthorization }) =>
      room.manager.challenges.httpAnswer(token) === keyAuthorization
        ? undefined
        : { type: 'x', detail: 'wrong' }
    const status = await settle(room, wishFor(['app.example.com', 'www.app.example.com']))
    assert.equal(status.state, 'valid', status.lastError?.message)
    assert.deepEqual(room.keeper.installs, ['app.example.com'])
    const [registration] = ca.callsOf('account')
    assert.deepEqual(registration?.payload, {
      termsOfServiceAgreed: true,
      contact: ['mailto:me@example.com'],
    })
    await room.manager.check()
    assert.equal(ca.callsOf('finalize').length, 1)
  })
})
