import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  addressRecord,
  caaRecord,
  type ScriptedRecord,
  startScriptedDns,
} from '../../../../test/support/acme/scripted-dns-server.ts'
import { startApp } from '../../../../test/support/door/start-app.ts'
import { findFreePort } from '../../../../test/support/machine/free-port.ts'
import { ChallengeBoard } from '../challenges/challenge-board.ts'
import { type PreflightContext, preflight } from './preflight.ts'

const NAME = 'app.example.com'

/** Checks a name with these DNS records. */
async function look(
  records: Readonly<Record<string, readonly ScriptedRecord[]>>,
  change: Partial<PreflightContext> = {},
  name: string = NAME,
): Promise<string[]> {
  await using dns = await startScriptedDns()
  for (const [host, list] of Object.entries(records)) dns.records.set(host, [...list])
  const context = {
    ...{ board: new ChallengeBoard(Date.now), usesNetwork: false, usesHttp: false, isOwnCa: false },
    ...{ caaIdentities: ['ca.example', 'ca.example.net'], dnsServers: [dns.endpoint] },
    ...change,
  }
  return (await preflight([name], context)).map(
    ({ severity, name: host, message }) => `${severity} ${host} ${message}`,
  )
}

describe('`preflight()` of CAA records', () => {
  const forbidden = (where: string, who: string): RegExp =>
    new RegExp(`^error .*the CAA record of ${where} allows ${who}, not this one$`)
  const rows: readonly {
    title: string
    records: Record<string, readonly ScriptedRecord[]>
    name?: string
    expected: RegExp | undefined
  }[] = [
    { title: 'lets pass where there are none', records: {}, expected: undefined },
    {
      title: 'lets pass one of the names of the CA',
      records: { 'example.com': [caaRecord('issue', 'ca.example.net')] },
      expected: undefined,
    },
    {
      title: 'lets pass with parameters',
      records: { [NAME]: [caaRecord('issue', 'ca.example; validationmethods=http-01')] },
      expected: undefined,
    },
    {
      title: 'finds another CA',
      records: { 'example.com': [caaRecord('issue', 'other.example')] },
      expected: forbidden('example.com', 'other.example'),
    },
    {
      title: 'finds that nobody may',
      records: { 'example.com': [caaRecord('issue', ';')] },
      expected: forbidden('example.com', 'no CA'),
    },
    {
      title: 'goes by the closest name',
      records: { [NAME]: [caaRecord('issue', 'ca.example')], 'example.com': [caaRecord('issue', ';')] },
      expected: undefined,
    },
    {
      title: 'tells wildcards apart',
      records: { 'example.com': [caaRecord('issue', 'ca.example'), caaRecord('issuewild', 'other.example')] },
      name: '*.example.com',
      expected: forbidden('example.com', 'other.example'),
    },
    {
      title: 'takes mail addresses for no restriction',
      records: { 'example.com': [caaRecord('iodef', 'mailto:a@b.c')] },
      expected: undefined,
    },
  ]
  for (const { title, records, name, expected } of rows)
    test(title, async () => {
      const findings = await look(records, {}, name)
      if (expected === undefined) assert.deepEqual(findings, [])
      else assert.match(findings[0] ?? '', expected)
    })
})

describe('`preflight()` of addresses and port 80', () => {
  const here = { [NAME]: [addressRecord('127.0.0.1')] }
  const network = { usesNetwork: true, usesHttp: true }

  test('finds a name without an address', async () => {
    assert.deepEqual(await look({}, network), [`error ${NAME} has no address in the DNS`])
    const ofOurOwn = await look({}, { ...network, isOwnCa: true })
    assert.deepEqual(ofOurOwn, [`warning ${NAME} has no address in the DNS`])
  })

  test('says nothing where the DNS says nothing', async () => {
    const dnsServers = [{ address: '127.0.0.1', port: await findFreePort() }]
    assert.deepEqual(await look({}, { ...network, dnsServers }), [])
  })

  test('is content where its own question is answered', async () => {
    const board = new ChallengeBoard(Date.now)
    await using server = await startApp((request, response) => {
      assert.equal(request.headers.host, NAME)
      response.end(board.httpAnswer(request.url?.split('/').at(-1) ?? ''))
    })
    assert.deepEqual(await look(here, { ...network, board, httpPort: server.port }), [])
  })

  test('warns where something else answers', async () => {
    await using server = await startApp((_request, response) =>
      response.writeHead(404).end('<h1>Welcome to nginx!</h1>'),
    )
    const findings = await look(here, { ...network, httpPort: server.port })
    assert.deepEqual(findings, [`warning ${NAME} is answered by something else on port 80`])
  })

  test('warns where nobody answers', async () => {
    const findings = await look(here, { ...network, httpPort: await findFreePort() })
    assert.match(findings[0] ?? '', /^warning .* does not answer on port 80/)
  })

  test('does not read an endless answer to its end', async () => {
    await using server = await startApp((_request, response) => {
      const write = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
        response.once('drain', write)
      }
      write()
    })
    const findings = await look(here, { ...network, httpPort: server.port })
    assert.deepEqual(findings, [`warning ${NAME} is answered by something else on port 80`])
  })
})
