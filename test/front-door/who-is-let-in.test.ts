import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { BERTH_BIN } from '../support/boot-berth.ts'
import { type ClientPaper, makeClient, makeRevocations } from '../support/client-papers.ts'
import { findFreePort, isListening } from '../support/free-port.ts'
import { makePaper } from '../support/paper-ca.ts'
import { runOk } from '../support/run-command.ts'
import { startProcess } from '../support/start-process.ts'
import { makeTempFolder } from '../support/temp-folder.ts'

const DOMAIN = 'registry.example.com'
const SITE = 'app.example.com'
const OTHER = 'other.example.com'
/** Longest wait for a changed file to count, in ms: the watch needs 0.2 s, the poll 5 s. */
const SEEN_WITHIN_MS = 10_000

/** A server of a registry and two sites, by the files of its certificate folder. */
async function serve(files: Readonly<Record<string, string>>, env: NodeJS.ProcessEnv = {}) {
  await using resources = new AsyncDisposableStack()
  const temp = resources.use(await makeTempFolder('let-in'))
  const path = (...names: string[]): string => join(temp.path, ...names)
  const put = async (name: string, text: string): Promise<void> => {
    await writeFile(path(`${name}.new`), text)
    await rename(path(`${name}.new`), path('certs', name))
  }
  await mkdir(path('certs'))
  await mkdir(path('www'))
  for (const [name, text] of Object.entries(files)) await put(name, text)
  await writeFile(path('www', 'index.html'), 'hello')
  await writeFile(
    path('berth.yaml'),
    `sites:\n${[SITE, OTHER].map((host) => `  ${host}: { files: www }\n`).join('')}`,
  )
  const [http, https] = [await findFreePort(), await findFreePort()]
  const berth = await startProcess(BERTH_BIN, {
    args: [
      ...['serve', '--config', path('berth.yaml'), '--data', path('data'), '--domain', DOMAIN],
      ...['--certs', path('certs'), '--docker-host', 'off', '--acme', 'off'],
      ...['--listen-http', `127.0.0.1:${http}`, '--listen-https', `127.0.0.1:${https}`],
    ],
    env: { ...process.env, ...env },
    logFile: path('berth.log'),
    isReady: () => isListening(https),
  })
  resources.defer(async () => {
    assert.equal(await berth.stop(), 0)
  })
  const kept = resources.move()
  /** The status, or how the handshake was refused. */
  const ask = async (url: string, client?: ClientPaper): Promise<number | string> => {
    const { protocol, hostname, pathname } = new URL(url)
    const isTls = protocol === 'https:'
    const to = { host: '127.0.0.1', port: isTls ? https : http, path: pathname, headers: { host: hostname } }
    const tls = { ...to, ...client, servername: hostname, rejectUnauthorized: false, agent: false }
    try {
      const request = isTls ? httpsRequest(tls) : httpRequest(to)
      const [response] = (await once(request.end(), 'response')) as [IncomingMessage]
      response.resume()
      return response.statusCode ?? 0
    } catch (error) {
      return /unrecognized name/i.test(String(error)) ? 'no certificate' : String(error)
    }
  }
  return {
    ask,
    put,
    list: () => runOk(BERTH_BIN, ['site', 'list', '--data', path('data')]),
    /** Asks until the answer is the one expected, since files take a moment to count. */
    async becomes(expected: number | string, url: string, client?: ClientPaper): Promise<void> {
      const deadline = Date.now() + SEEN_WITHIN_MS
      let last = await ask(url, client)
      while (last !== expected && Date.now() < deadline) {
        await sleep(50)
        last = await ask(url, client)
      }
      assert.equal(last, expected, await berth.readLog())
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

function pair(name: string, ...names: readonly string[]): Record<string, string> {
  const { pem, keyPem } = makePaper(names[0] ?? name, { names })
  return { [`${name}.crt`]: pem, [`${name}.key`]: keyPem }
}

describe('TRUST_DEFAULT_CERT', () => {
  const files = { ...pair('default', 'default.example'), ...pair(SITE, SITE) }
  for (const [value, rows] of [
    [
      'false',
      {
        [`https://${SITE}/`]: 200,
        [`https://${OTHER}/`]: 'no certificate',
        [`http://${OTHER}/`]: 200,
        'https://unknown.example.com/': 503,
        [`https://${DOMAIN}/v2/`]: 'no certificate',
        [`http://${DOMAIN}/v2/`]: 503,
      },
    ],
    [
      'true',
      {
        [`https://${SITE}/`]: 200,
        [`https://${OTHER}/`]: 200,
        [`http://${OTHER}/`]: 301,
        'https://unknown.example.com/': 503,
        [`https://${DOMAIN}/v2/`]: 401,
        [`http://${DOMAIN}/v2/`]: 301,
      },
    ],
  ] as const) {
    it(`given as ${value} decides of the default certificate for sites and the registry`, async () => {
      await using berth = await serve(files, { TRUST_DEFAULT_CERT: value })
      for (const [url, expected] of Object.entries(rows)) assert.equal(await berth.ask(url), expected, url)
      const list = await berth.list()
      for (const host of [OTHER, DOMAIN]) {
        const line = list.split('\n').find((each) => each.startsWith(`${host} `)) ?? ''
        assert.match(
          line,
          value === 'true' ? / up .*the default one/ : / degraded .*the default one is not trusted/,
        )
        const cause = new RegExp(`^${host}: .*default\\.crt is not trusted for it`, 'm')
        if (value === 'false') assert.match(list, cause)
      }
    })
  }
})

describe('client certificates', () => {
  const ca = makePaper('Staff CA')
  const [alice, mallory] = [makeClient('alice', ca), makeClient('mallory', ca)]
  const files = { ...pair(SITE, SITE), ...pair(OTHER, OTHER), ...pair(DOMAIN, DOMAIN) }

  it('are asked for by hosts with a file of CAs, that is read again when it changes', async () => {
    await using berth = await serve({ ...files, [`${SITE}.ca.crt`]: ca.pem })
    assert.equal(await berth.ask(`https://${SITE}/`), 400)
    assert.equal(await berth.ask(`https://${SITE}/`, alice), 200)
    assert.equal(await berth.ask(`https://${OTHER}/`), 200)
    assert.match(
      await berth.list(),
      new RegExp(`^${SITE} +up .*visitors must show one of ${SITE}.ca.crt`, 'm'),
    )
    await berth.put(`${SITE}.crl.pem`, makeRevocations(ca, [mallory]))
    await berth.becomes(400, `https://${SITE}/`, mallory)
    assert.equal(await berth.ask(`https://${SITE}/`, alice), 200)
    await berth.put(`${SITE}.crl.pem`, 'damaged')
    await berth.becomes(503, `https://${SITE}/`, alice)
    assert.equal(await berth.ask(`https://${OTHER}/`), 200)
    const isClosed = new RegExp(`^${SITE} +closed `, 'm')
    let list = await berth.list()
    for (let looks = 0; looks < 10 && !isClosed.test(list); looks++) list = await berth.list()
    assert.match(list, isClosed)
    assert.match(
      list,
      new RegExp(`^${SITE}: ${SITE}.crl.pem cannot be used: there is no revocation list in it`, 'm'),
    )
  })

  it('are asked for by all hosts, the registry too, where ca.crt is there', async () => {
    await using berth = await serve({ ...files, 'ca.crt': ca.pem })
    for (const [url, status] of [
      [`https://${SITE}/`, 200],
      [`https://${DOMAIN}/v2/`, 401],
    ] as const) {
      assert.equal(await berth.ask(url), 400)
      assert.equal(await berth.ask(url, alice), status)
    }
    assert.equal(await berth.ask(`http://${DOMAIN}/v2/`), 301)
  })
})
