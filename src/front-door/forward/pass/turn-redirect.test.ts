import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exchange, get, HOST, openProxyRoom, rootPath } from '../../../../test/support/door/proxy-room.ts'
import { startApp } from '../../../../test/support/door/start-app.ts'

/** `Location` of an application at APP for a path of the site, and the visitor's. */
const TURNED: readonly [what: string, path: string, answered: string, got: string][] = [
  ['the address of the server', '/', 'http://APP/next?a', '/next?a'],
  ['the host that was asked for, by plain HTTP', '/', `http://${HOST}/next`, '/next'],
  ['the same by HTTPS', '/', `https://${HOST}/next`, `https://${HOST}/next`],
  ['another host', '/', 'http://other.example/next', 'http://other.example/next'],
  ['a host that only begins alike', '/', `http://${HOST}.evil/next`, `http://${HOST}.evil/next`],
  ['a path', '/', '/next', '/next'],
  ['a path of two slashes behind the host, which stays on it', '/', `http://${HOST}//evil/`, '/.//evil/'],
  ['the same behind the address', '/', 'http://APP/\\evil', '/./\\evil'],
  ['a path with a destination', '/d/', 'http://APP/e/next', '/d/next'],
  ['the same by the host', '/d/', `http://${HOST}/e/next`, '/d/next'],
  ['what lies outside of the destination', '/d/', 'http://APP/f/', 'http://APP/f/'],
  ['an exact path with a destination', '/x', 'http://APP/y?a', '/x?a'],
  ['proxy_pass with a path', '/pass/', 'http://APP/b/next', '/pass/next'],
  ['proxy_pass without one', '/plain/', 'http://APP/b/next', '/b/next'],
  ['proxy_pass to the host with a path', '/named/', `http://${HOST}/c/next`, '/named/next'],
  ['a pair', '/pair/', 'http://inner/next', '/outer/next'],
  ['a pair that leaves two slashes', '/pair/', 'http://inner//evil', '/outer//evil'],
  ['a pair that leads to two slashes', '/slash/', 'http://inner//evil', '/.//evil'],
  ['off', '/off/', 'http://APP/next', 'http://APP/next'],
]

for (const [what, path, answered, got] of TURNED) {
  test(`proxy_redirect: ${what}`, async () => {
    await using app = await startApp((_request, response) => {
      const location = answered.replace('APP', `127.0.0.1:${app.port}`)
      response.writeHead(302, { location, refresh: `5; URL=${location}` }).end()
    })
    const origin = `127.0.0.1:${app.port}`
    const root = rootPath({ ports: [1, app.port] })
    const declared = { '/d/': '/e/', '= /x': '/y' }
    const paths = [root, ...Object.entries(declared).map((pair) => toPath(root, pair))]
    const vhost = `
      location /pass/ { proxy_pass http://${origin}/b/; }
      location /plain/ { proxy_pass http://${origin}; }
      location /named/ { proxy_pass http://${HOST}/c/; }
      location /pair/ { proxy_redirect http://inner/ /outer/; proxy_pass http://${HOST}; }
      location /slash/ { proxy_redirect http://inner/ /; proxy_pass http://${HOST}; }
      location /off/ { proxy_redirect off; proxy_pass http://${HOST}; }`
    await using room = await openProxyRoom({ vhost, paths })
    const { text } = await exchange(room.port, get(path), { quietMs: 50 })
    const expected = got.replace('APP', origin)
    assert.equal(/^location: (.*)\r$/im.exec(text)?.[1], expected)
    assert.equal(/^refresh: (.*)\r$/im.exec(text)?.[1], `5; URL=${expected}`)
  })
}

function toPath(root: ReturnType<typeof rootPath>, [path, destination]: [string, string]) {
  return { ...root, path, destination }
}
