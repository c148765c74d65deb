import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DoorReply, requestDoor } from '../../../test/support/door/request-door.ts'
import {
  createCertificates,
  makeSite,
  makeTable,
  openTestDoor,
  type SiteWish,
} from '../../../test/support/door/test-door.ts'
import { noteAddressHosts } from './address-hosts.ts'

/** The answer to a client of an address, whose handshake names no host. */
async function requestAddress(
  sites: readonly SiteWish[],
  host: string,
  covered: readonly string[],
  hasDefault = false,
): Promise<string> {
  const names = Object.fromEntries(covered.map((name) => [name, name]))
  await using door = await openTestDoor(makeTable(...sites), {
    certificates: createCertificates(names, { hasDefault }),
  })
  const reply: DoorReply | string = await requestDoor(door, `https://${host}`, { sni: '' })
  return typeof reply === 'string' ? reply : `${reply.status} ${reply.seen.site ?? ''}`.trim()
}

const OWN = { host: '127.0.0.1' }
const OTHER = { host: '192.0.2.7' }

for (const [what, sites, host, covered, expected] of [
  ['is the address it came to', [OWN, OTHER], '127.0.0.1', ['127.0.0.1', '192.0.2.7'], '200 127.0.0.1'],
  [
    'is the only address, behind a router',
    [OTHER, { host: 'a.test' }],
    '192.0.2.7',
    ['192.0.2.7'],
    '200 192.0.2.7',
  ],
  [
    'is one of several that this machine does not have',
    [OTHER, { host: '192.0.2.8' }],
    '192.0.2.7',
    ['192.0.2.7'],
    'alert 112',
  ],
  ['has no certificate', [OWN], '127.0.0.1', [], 'alert 112'],
  ['is not served over TLS', [{ ...OWN, httpsMethod: 'nohttps' }], '127.0.0.1', ['127.0.0.1'], 'alert 112'],
  [
    'is a name, over a connection that named none',
    [OWN, { host: 'a.test' }],
    'a.test',
    ['127.0.0.1', 'a.test'],
    '421',
  ],
] as const satisfies readonly (readonly [string, readonly SiteWish[], string, readonly string[], string])[]) {
  test(`a handshake without a name, where the host ${what}, ends with ${expected}`, async () => {
    assert.equal(await requestAddress(sites, host, covered), expected)
  })
}

test('a handshake without a name goes to the default certificate where no host is an address', async () => {
  assert.equal(await requestAddress([{ host: 'a.test' }], '127.0.0.1', ['a.test'], true), '503')
})

test('a health check of an address that is no host is answered beside a host that is one', async () => {
  assert.equal(await requestAddress([OTHER], '127.0.0.1', ['192.0.2.7']), '503')
})

test('`noteAddressHosts()` warns of those that no handshake can mean, and of no others', () => {
  const warned = (...wishes: readonly SiteWish[]): string[] =>
    noteAddressHosts(
      wishes.map((wish) => makeSite(wish).declaration),
      new Set(['127.0.0.1']),
    ).flatMap(({ host, warnings }) => (warnings.length > 0 ? [host] : []))
  assert.deepEqual(warned(OTHER), [])
  assert.deepEqual(warned(OTHER, { host: 'a.test' }), [])
  assert.deepEqual(warned(OTHER, OWN, { host: '2001:db8::1' }), ['192.0.2.7', '2001:db8::1'])
  assert.deepEqual(warned(OTHER, { ...OWN, httpsMethod: 'nohttps' }), [])
})
