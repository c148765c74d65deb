import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientPaper } from '../certificates/client-papers.ts'
import { makePaper } from '../certificates/paper-ca.ts'
import { findFreePort, isListening } from '../machine/free-port.ts'
import { runOk } from '../machine/run-command.ts'
import { startProcess } from '../machine/start-process.ts'
import { makeTempFolder } from '../machine/temp-folder.ts'
import { BERTH_BIN } from '../program/boot-berth.ts'

/** Longest wait for a changed file to count, in ms: the watch needs 0.2 s, the poll 5 s. */
const SEEN_WITHIN_MS = 60_000

/** A server of a registry and of sites with an answer of their own. */
interface CertificateServerOptions {
  readonly domain: string
  /** Sites, with their entries of berth.yaml. */
  readonly sites: Readonly<Record<string, string>>
  /** Files of the certificate folder. */
  readonly files: Readonly<Record<string, string>>
  readonly vhostFiles?: Readonly<Record<string, string>>
  readonly env?: NodeJS.ProcessEnv
}

/** Result of a visit: a status and a body, or the refusal of the handshake. */
interface Visit {
  readonly status: number | string
  readonly body: string
}

/** A server whose certificates may be changed. */
export interface CertificateServer extends AsyncDisposable {
  readonly httpsPort: number
  visit(url: string, client?: ClientPaper): Promise<Visit>
  /** The status of a visit. */
  requestStatus(url: string, client?: ClientPaper): Promise<number | string>
  /** Repeats a visit until the answer is the expected one, since files take a moment to count. */
  becomes(expected: number | string, url: string, client?: ClientPaper): Promise<void>
  /** Puts a file into the certificate folder in one step. */
  put(name: string, text: string): Promise<void>
  /** Runs another `berth` command on the same data. @returns its output. */
  command(args: readonly string[], input?: string): Promise<string>
}

/** Starts one, the program itself, from files in a folder. */
export async function startCertificateServer({
  domain,
  sites,
  files,
  vhostFiles = {},
  env = {},
}: CertificateServerOptions): Promise<CertificateServer> {
  await using resources = new AsyncDisposableStack()
  const temp = resources.use(await makeTempFolder('certificate-server'))
  const path = (...names: string[]): string => join(temp.path, ...names)
  const put = async (name: string, text: string): Promise<void> => {
    await writeFile(path(`${name}.new`), text)
    await rename(path(`${name}.new`), path('certs', name))
  }
  await mkdir(path('certs'))
  await mkdir(path('www'))
  await mkdir(path('vhost.d'))
  for (const [name, text] of Object.entries(vhostFiles)) await writeFile(path('vhost.d', name), text)
  for (const [name, text] of Object.entries(files)) await put(name, text)
  await writeFile(path('www', 'index.html'), 'hello')
  const lines = Object.entries(sites).map(
    ([host, keys]) => `  ${host}: { files: www${keys && `, ${keys}`} }\n`,
  )
  await writeFile(path('berth.yaml'), `sites:\n${lines.join('')}`)
  const [http, https] = [await findFreePort(), await findFreePort()]
  const berth = await startProcess(BERTH_BIN, {
    args: [
      ...['serve', '--config', path('berth.yaml'), '--data', path('data'), '--domain', domain],
      ...['--certs', path('certs'), '--vhost-dir', path('vhost.d'), '--docker-host', 'off', '--acme', 'off'],
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
  const visit = async (url: string, client?: ClientPaper): Promise<Visit> => {
    const { protocol, hostname, pathname } = new URL(url)
    const isTls = protocol === 'https:'
    const to = { host: '127.0.0.1', port: isTls ? https : http, path: pathname, headers: { host: hostname } }
    const tls = { ...to, ...client, servername: hostname, rejectUnauthorized: false, agent: false }
    try {
      const request = isTls ? httpsRequest(tls) : httpRequest(to)
      const [response] = (await once(request.end(), 'response')) as [IncomingMessage]
      let body = ''
      for await (const chunk of response) body += String(chunk)
      return { status: response.statusCode ?? 0, body }
    } catch (error) {
      return { status: /unrecognized name/i.test(String(error)) ? 'no certificate' : String(error), body: '' }
    }
  }
  const requestStatus: CertificateServer['requestStatus'] = async (url, client) =>
    (await visit(url, client)).status
  return {
    httpsPort: https,
    visit,
    requestStatus,
    put,
    command: (args, input) => runOk(BERTH_BIN, [...args, '--data', path('data')], { input }),
    async becomes(expected, url, client) {
      const deadline = Date.now() + SEEN_WITHIN_MS
      let last = await requestStatus(url, client)
      while (last !== expected && Date.now() < deadline) {
        await sleep(50)
        last = await requestStatus(url, client)
      }
      assert.equal(last, expected, await berth.readLog())
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** A certificate and its key as files of a name. */
export function pairFiles(name: string, ...names: readonly string[]): Record<string, string> {
  const { pem, keyPem } = makePaper(names[0] ?? name, { names })
  return { [`${name}.crt`]: pem, [`${name}.key`]: keyPem }
}
