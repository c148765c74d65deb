import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { HOST, openProxyRoom, type ProxyRoomOptions } from '../../../test/support/door/proxy-room.ts'
import { startApp } from '../../../test/support/door/start-app.ts'

/** The headers that an application sees of a request with these lines, as they are written. */
async function seenNames(lines: readonly string[], options: ProxyRoomOptions = {}): Promise<string> {
  await using app = await startApp((request, response) => response.end(request.rawHeaders.join('\n')))
  await using room = await openProxyRoom({ ports: [app.port], ...options })
  const socket = connect(room.port, '127.0.0.1')
  socket.write([`GET /a HTTP/1.1`, `Host: ${HOST}`, 'Connection: close', ...lines, '', ''].join('\r\n'))
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  assert.match(text, /^HTTP\/1\.1 200 /)
  return text
}

const ON = 'underscores_in_headers on;'
const OFF = 'ignore_invalid_headers off;'

/** A name, with the content of the vhost file; true if the application sees it. */
const ROWS: readonly [vhost: string, name: string, isSeen: boolean][] = [
  ['', 'X-WebAuth-User', true],
  ['', 'X_WEBAUTH_USER', false],
  ['', 'X_Webauth-User', false],
  ['', 'Any_Thing', false],
  ['', 'X.WebAuth.User', false],
  ['', 'X!User', false],
  [ON, 'X_WEBAUTH_USER', true],
  [ON, 'X.WebAuth.User', false],
  [OFF, 'X.WebAuth.User', true],
  [OFF, 'X_WEBAUTH_USER', false],
  [OFF, 'X.WebAuth_User', false],
  [ON + OFF, 'X.WebAuth_User', true],
  // Names that read as a header that is made here, or as one about the visitor, are never passed on.
  [ON + OFF, 'X_Real_IP', false],
  [ON + OFF, 'X.Forwarded.For', false],
  [ON + OFF, 'X_Forwarded-Prefix', false],
  [ON + OFF, 'X_Original_URI', false],
  [ON + OFF, 'Remote_User', false],
  [ON + OFF, 'Transfer_Encoding', false],
  [ON + OFF, 'Content_Length', false],
  [`${ON} proxy_set_header X-WebAuth-User "";`, 'X_WEBAUTH_USER', false],
  [`${ON} ${OFF} proxy_set_header X-WebAuth-User ann;`, 'X.WebAuth.User', false],
  // The other way round: the name that is set here has the underscores.
  ['proxy_set_header X_Token mine;', 'X-Token', false],
  // Headers about an application's own address are made by Berth alone.
  ['', 'X-Forwarded-Prefix', false],
  ['', 'X-Forwarded-Scheme', false],
  ['', 'X-Forwarded-User', false],
  ['', 'X-Original-Host', false],
  ['', 'X-Script-Name', false],
  ['', 'X-Scheme', false],
  ['', 'Front-End-Https', false],
  ['proxy_set_header X-Forwarded-Prefix /app;', 'X-Forwarded-Prefix', false],
  ['', 'CF-Connecting-IP', true],
]

for (const [vhost, name, isSeen] of ROWS) {
  test(`an application ${isSeen ? 'sees' : 'does not see'} a visitor's ${name}${vhost === '' ? '' : ` with "${vhost}"`}`, async () => {
    const text = await seenNames([`${name}: forged`, 'X-Kept: kept'], { vhost })
    assert.equal(text.includes('forged'), isSeen, text)
    assert.ok(text.includes('kept'))
  })
}

test('what is like X-Forwarded-Prefix comes through from a trusted proxy', async () => {
  const lines = ['X-Forwarded-Prefix: /app', 'X-Scheme: https', 'X_Forwarded_Prefix: /odd']
  const text = await seenNames(lines, { trustedProxies: ['127.0.0.0/8'] })
  assert.ok(text.includes('/app') && text.includes('https') && !text.includes('/odd'), text)
})
