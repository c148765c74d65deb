import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  DNS_TYPE,
  type ScriptedDnsServer,
  startScriptedDns,
} from '../../../../test/support/acme/scripted-dns-server.ts'
import { encodeName } from './dns-message.ts'
import type { ChallengeRecord } from './dns-records.ts'
import { createDnsUpdate, parseTsigKey, resolveServer } from './dns-update.ts'

const RECORD: ChallengeRecord = {
  name: '_acme-challenge.example.com',
  value: 'abc',
  identifier: 'example.com',
}
const KEY = `key:hmac-sha256:${Buffer.alloc(32, 1).toString('base64')}`
const UPDATE_FLAGS = 5 << 11

/** A server of the zone on UDP alone; it answers updates with this code and no signature. */
async function startZone(rcode: number): Promise<ScriptedDnsServer> {
  const dns = await startScriptedDns()
  const soa = [encodeName('ns.example.com'), encodeName('admin.example.com'), Buffer.alloc(20, 0)]
  dns.records.set('example.com', [{ type: DNS_TYPE.soa, data: Buffer.concat(soa) }])
  dns.script = (message) => {
    if ((message.readUInt16BE(2) & 0x7800) !== UPDATE_FLAGS) return undefined
    const reply = Buffer.alloc(12)
    reply.writeUInt16BE(message.readUInt16BE(0), 0)
    reply.writeUInt16BE(0x8000 | UPDATE_FLAGS | rcode, 2)
    return reply
  }
  return dns
}

describe('`createDnsUpdate()`', () => {
  test('reaches a server that speaks UDP only', async () => {
    await using dns = await startZone(0)
    const records = createDnsUpdate({
      server: `127.0.0.1:${dns.endpoint.port}`,
      key: undefined,
      clock: Date.now,
    })
    await records.add(RECORD, undefined)
  })

  for (const [rcode, message] of [
    [0, /its answer is not signed/],
    [4, /NOTIMP: it takes no updates/],
    [5, /REFUSED/],
    [9, /NOTAUTH/],
    [13, /error 13/],
  ] as const)
    test(`does not take ${rcode} without a signature for a success`, async () => {
      await using dns = await startZone(rcode)
      const records = createDnsUpdate({ server: `127.0.0.1:${dns.endpoint.port}`, key: KEY, clock: Date.now })
      await assert.rejects(records.add(RECORD, undefined), { code: 'ACME_DNS_FAILED', message })
    })
})

describe('`parseTsigKey()`', () => {
  test('reads name, algorithm and secret', () => {
    const { name, algorithm, secret } = parseTsigKey(KEY)
    assert.deepEqual([name, algorithm, secret.length], ['key', 'hmac-sha256', 32])
  })

  for (const text of [
    '',
    'key',
    'key:hmac-md5:AAAA',
    'key:hmac-sha256:',
    ':hmac-sha256:AAAA',
    'key:hmac-sha256:AAAA:x',
  ])
    test(`refuses ${JSON.stringify(text)} without repeating it`, () => {
      assert.throws(
        () => parseTsigKey(text),
        (error: Error) => error.message === 'acme-dns-key cannot be read',
      )
    })
})

describe('`resolveServer()`', () => {
  for (const [server, address, port] of [
    ['127.0.0.1', '127.0.0.1', 53],
    ['127.0.0.1:5353', '127.0.0.1', 5353],
    ['[::1]:5353', '::1', 5353],
    ['[::1]', '::1', 53],
    ['::1', '::1', 53],
  ] as const)
    test(`reads ${server}`, async () => {
      assert.deepEqual(await resolveServer(server), { address, port })
    })

  test('says which server has no address', async () => {
    await assert.rejects(resolveServer('ns.invalid'), {
      code: 'ACME_DNS_FAILED',
      message: /ns\.invalid has no address/,
    })
  })
})
