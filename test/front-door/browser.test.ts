import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type Browser, chromium, type Page } from 'playwright-core'
import { WebSocketServer } from 'ws'
import { part, skipReason } from '../parts/find-parts.ts'
import { type App, startApp } from '../support/door/start-app.ts'
import { findFreePort, isListening } from '../support/machine/free-port.ts'
import { startProcess } from '../support/machine/start-process.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { BERTH_BIN } from '../support/program/boot-berth.ts'

const SITE = 'app.example.test'
const PAGE = `<!doctype html><title>app</title><script>
const socket = new WebSocket('wss://' + location.host + '/chat')
socket.onopen = () => socket.send('hello')
socket.onmessage = (event) => { document.title = 'heard ' + event.data }
new EventSource('/events').onmessage = (event) => { document.body.dataset.event = event.data }
</script><body>page</body>`

/** An application with a page, a WebSocket and events. */
async function startTalkingApp(): Promise<App> {
  const app = await startApp((request, response) => {
    if (request.url === '/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: first\n\n')
      return
    }
    response.writeHead(200, { 'content-type': 'text/html' }).end(PAGE)
  })
  const { server } = app
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket) => socket.on('message', (text) => socket.send(String(text))))
  return {
    ...app,
    async [Symbol.asyncDispose]() {
      for (const client of sockets.clients) client.terminate()
      await app[Symbol.asyncDispose]()
    },
  }
}

describe('a browser at the front door', { skip: skipReason('chromium') }, () => {
  const resources = new AsyncDisposableStack()
  let browser: Browser
  let page: Page
  let port = 0
  let httpPort = 0

  before(async () => {
    const app = resources.use(await startTalkingApp())
    const folder = resources.use(await makeTempFolder('browser')).path
    const config = join(folder, 'berth.yaml')
    await writeFile(config, `sites:\n  ${SITE}: { upstream: http://127.0.0.1:${app.port} }\n`)
    port = await findFreePort()
    httpPort = await findFreePort()
    const berth = await startProcess(BERTH_BIN, {
      args: [
        ...['serve', '--config', config, '--data', join(folder, 'data'), '--domain', 'registry.example.test'],
        ...['--listen-http', `127.0.0.1:${httpPort}`, '--listen-https', `127.0.0.1:${port}`],
        ...['--acme', 'off', '--local-ca', 'all', '--docker-host', 'off'],
      ],
      logFile: join(folder, 'berth.log'),
      isReady: () => isListening(port),
    })
    resources.defer(async () => {
      await berth.stop()
    })
    browser = await chromium.launch({
      executablePath: part('chromium'),
      args: ['--no-sandbox', '--ignore-certificate-errors', `--host-resolver-rules=MAP ${SITE} 127.0.0.1`],
    })
    resources.defer(() => browser.close())
    page = await browser.newPage({ ignoreHTTPSErrors: true })
  })
  after(() => resources.disposeAsync())

  it('is led from HTTP to HTTPS and gets the page over HTTP/2', async () => {
    const response = await page.goto(`http://${SITE}:${httpPort}/?a=b`)
    assert.equal(response?.status(), 200)
    assert.equal(page.url(), `https://${SITE}:${port}/?a=b`)
    const protocol = await page.evaluate('performance.getEntriesByType("navigation")[0].nextHopProtocol')
    assert.equal(protocol, 'h2')
  })

  it('speaks over a WebSocket and hears events', async () => {
    await page.waitForFunction('document.title === "heard hello"')
    await page.waitForFunction('document.body.dataset.event === "first"')
  })
})
