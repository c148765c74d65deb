import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createDnsSolver } from '../../src/certificates/acme/dns/dns-challenge.ts'
import type { DnsEndpoint } from '../../src/certificates/acme/dns/dns-exchange.ts'
import { createDnsUpdate } from '../../src/certificates/acme/dns/dns-update.ts'
import { makeResolver } from '../../src/certificates/acme/dns/dns-zone.ts'
import { skipReason } from '../parts/find-parts.ts'
import { startNamed } from '../parts/start-named.ts'

const ZONE = 'example.com'
const SECRET = Buffer.alloc(32, 7).toString('base64')
const WRONG = Buffer.alloc(32, 8).toString('base64')
const KEYS = [`sha256-key:hmac-sha256:${SECRET}`, `sha512-key:hmac-sha512:${SECRET}`] as const

function formatServer({ address, port }: DnsEndpoint): string {
  return `${address}:${port}`
}

async function resolveTexts(server: DnsEndpoint, name: string): Promise<string[]> {
  const texts = await makeResolver([server])
    .resolveTxt(name)
    .catch(() => [])
  return texts.map((parts) => parts.join('')).sort()
}

describe('Dynamic updates against BIND', { skip: skipReason('named') }, () => {
  for (const key of KEYS)
    test(`add and remove single records, signed by ${key.split(':')[1]}`, async () => {
      await using named = await startNamed(ZONE, KEYS)
      const { endpoint } = named
      const records = createDnsUpdate({ server: formatServer(endpoint), key, clock: Date.now })
      const record = {
        name: `_acme-challenge.deep.app.${ZONE}`,
        value: 'first',
        identifier: `deep.app.${ZONE}`,
      }
      await records.add(record, undefined)
      await records.add({ ...record, value: 'second' }, undefined)
      assert.deepEqual(await resolveTexts(endpoint, record.name), ['first', 'second'])
      await records.remove(record, undefined)
      assert.deepEqual(await resolveTexts(endpoint, record.name), ['second'], 'the other stays')
      await records.remove({ ...record, value: 'second' }, undefined)
      assert.deepEqual(await resolveTexts(endpoint, record.name), [])
    })

  const rows = [
    {
      title: 'a wrong secret',
      key: `sha256-key:hmac-sha256:${WRONG}`,
      message: /BADSIG: the secret of the key is wrong/,
    },
    {
      title: 'an unknown key',
      key: `nobody:hmac-sha256:${SECRET}`,
      message: /BADKEY: it does not know the key/,
    },
    { title: 'no key', key: undefined, message: /REFUSED: it does not let us change this record/ },
    {
      title: 'a clock that is an hour off',
      key: KEYS[0],
      skewMs: 3600 * 1000,
      message: /BADTIME: its clock and ours differ/,
    },
  ]
  for (const { title, key, message, skewMs } of rows)
    test(`with ${title} say what is wrong`, async () => {
      await using named = await startNamed(ZONE, KEYS)
      const clock = (): number => Date.now() + (skewMs ?? 0)
      const records = createDnsUpdate({ server: formatServer(named.endpoint), key, clock })
      const record = { name: `_acme-challenge.${ZONE}`, value: 'x', identifier: ZONE }
      await assert.rejects(records.add(record, undefined), { code: 'ACME_DNS_FAILED', message })
      assert.deepEqual(await resolveTexts(named.endpoint, record.name), [])
    })

  test('of a name in no zone of the server say so', async () => {
    await using named = await startNamed(ZONE, KEYS)
    const records = createDnsUpdate({ server: formatServer(named.endpoint), key: KEYS[0], clock: Date.now })
    const record = { name: '_acme-challenge.example.net', value: 'x', identifier: 'example.net' }
    await assert.rejects(records.add(record, undefined), {
      message: /knows no zone for _acme-challenge\.example\.net/,
    })
  })

  test('answer a challenge, follow its alias, and clean up', async () => {
    await using named = await startNamed(ZONE, KEYS)
    const { endpoint } = named
    const update = createDnsUpdate({ server: formatServer(endpoint), key: KEYS[0], clock: Date.now })
    const solver = createDnsSolver(update, { servers: [endpoint] })
    const challenge = { name: `alias.${ZONE}`, token: 't', keyAuthorization: 't.thumbprint' }
    {
      await using _answer = await solver.present(challenge, undefined)
      const [text] = await resolveTexts(endpoint, `delegated.${ZONE}`)
      assert.match(text ?? '', /^[A-Za-z0-9_-]{43}$/)
    }
    assert.deepEqual(await resolveTexts(endpoint, `delegated.${ZONE}`), [])
  })

  test('that never show at a name server end in an error that names it, and leave nothing behind', async () => {
    await using primary = await startNamed(ZONE, KEYS)
    await using secondary = await startNamed(ZONE, KEYS)
    const update = createDnsUpdate({ server: formatServer(primary.endpoint), key: KEYS[0], clock: Date.now })
    const solver = createDnsSolver(update, {
      servers: [primary.endpoint, secondary.endpoint],
      timeoutMs: 100,
    })
    const challenge = { name: ZONE, token: 't', keyAuthorization: 't.thumbprint' }
    await assert.rejects(solver.present(challenge, undefined), {
      code: 'ACME_DNS_FAILED',
      message: /127\.0\.0\.1 did not have it within 0\.1 s/,
    })
    assert.deepEqual(await resolveTexts(primary.endpoint, `_acme-challenge.${ZONE}`), [])
  })
})
