import assert from 'node:assert/strict'
import { once } from 'node:events'
import { link, mkdir, writeFile } from 'node:fs/promises'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { makePaper } from '../../../../test/support/certificates/paper-ca.ts'
import {
  formatId,
  formatImageId,
  startScriptedEngine,
} from '../../../../test/support/docker/scripted-engine.ts'
import { findFreePort } from '../../../../test/support/machine/free-port.ts'
import { makeTempFolder } from '../../../../test/support/machine/temp-folder.ts'
import { createDockerClient, type DockerClient, readEngineVersion } from './docker-client.ts'
import { type DockerErrorCode, toDockerError } from './docker-error.ts'

async function fails(act: Promise<unknown>, code: DockerErrorCode, message: RegExp): Promise<void> {
  await assert.rejects(act, (error: Error & { code?: string; remedy?: string }) => {
    assert.equal(error.code, code, error.message)
    assert.match(error.message, message)
    assert.ok(error.remedy)
    return true
  })
}

test('a client asks only with GET, and unversioned', async () => {
  await using engine = await startScriptedEngine()
  engine.containers.set(formatId(1), { name: 'app' })
  const client = createDockerClient(engine.url, undefined)
  assert.deepEqual(await readEngineVersion(client), { version: '99.1', apiVersion: '1.47' })
  await client.get('/containers/json?all=1')
  await client.get('/networks')
  await client.inspect(formatId(1))
  await client.inspectImage(formatImageId('app'))
  assert.deepEqual(engine.requests, [
    'GET /version',
    'GET /containers/json?all=1',
    'GET /networks',
    `GET /containers/${formatId(1)}/json`,
    `GET /images/${formatImageId('app')}/json`,
  ])
  const members: readonly (keyof DockerClient)[] = [
    ...(['url', 'get', 'inspect', 'inspectImage', 'openEvents', 'close'] as const),
  ]
  assert.deepEqual(Object.keys(client), members, 'there is nothing else to call')
  client.close()
})

test('a path that is none of the few does not compile, nor does an id that is a path get out', async () => {
  await using engine = await startScriptedEngine()
  const client = createDockerClient(engine.url, undefined)
  // @ts-expect-error a path that changes something
  const forbidden: Parameters<DockerClient['get']>[0] = '/containers/prune'
  assert.ok(forbidden)
  for (const id of ['../images/x', 'a/../../b', '', 'a?force=1', 'a b', '%2e%2e']) {
    await fails(client.inspect(id), 'DOCKER_ANSWER_INVALID', /by an invalid id/)
    await fails(client.inspectImage(id), 'DOCKER_ANSWER_INVALID', /by an invalid id/)
  }
  assert.deepEqual(engine.requests, [])
  client.close()
})

test('a socket that is missing, stale or no socket has an error of its own', async () => {
  await using folder = await makeTempFolder('socket')
  const at = (name: string): DockerClient =>
    createDockerClient(`unix://${join(folder.path, name)}`, undefined)
  await fails(at('none.sock').get('/version'), 'DOCKER_MISSING', /there is no such socket/)
  const server = createTcpServer().listen(join(folder.path, 'live.sock'))
  await once(server, 'listening')
  // Closing removes the name it was opened by, not this one.
  await link(join(folder.path, 'live.sock'), join(folder.path, 'stale.sock'))
  server.close()
  await once(server, 'close')
  await fails(at('stale.sock').get('/version'), 'DOCKER_REFUSED', /nothing listens there/)
  await writeFile(join(folder.path, 'file'), '')
  await fails(at('file').get('/version'), 'DOCKER_REFUSED', /nothing listens there/)
  await fails(
    createDockerClient(`tcp://127.0.0.1:${await findFreePort()}`, undefined).get('/version'),
    'DOCKER_REFUSED',
    /nothing listens there/,
  )
})

for (const [code, expected] of [
  ['EACCES', 'DOCKER_DENIED'],
  ['EPERM', 'DOCKER_DENIED'],
  ['ENOENT', 'DOCKER_MISSING'],
  ['ECONNRESET', 'DOCKER_GONE'],
  ['EHOSTUNREACH', 'DOCKER_GONE'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'DOCKER_TLS_FAILED'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'DOCKER_TLS_FAILED'],
  ['HPE_INVALID_CONSTANT', 'DOCKER_ANSWER_INVALID'],
] as const) {
  test(`toDockerError() makes ${expected} of ${code}`, () => {
    const error = toDockerError(Object.assign(new Error('x'), { code }), 'unix:///x')
    assert.equal(error.code, expected)
    assert.match(error.message, /^The Docker engine at unix:\/\/\/x cannot be read from: /)
  })
}

for (const url of ['unix://relative', 'ssh://host', 'tcp://', 'tcp://:x', 'nonsense']) {
  test(`createDockerClient() refuses ${url}`, () => {
    assert.throws(() => createDockerClient(url, undefined), { code: 'DOCKER_URL_INVALID' })
  })
}

test('createDockerClient() keeps a password in a URL out of its error', () => {
  assert.throws(
    () => createDockerClient('ssh://root:secret@host', undefined),
    (error: Error) => !error.message.includes('secret'),
  )
})

test('what does not speak HTTP is reported as such', async () => {
  const server = createTcpServer((socket) => void socket.end('SSH-2.0-OpenSSH_9.6\r\n')).listen(
    0,
    '127.0.0.1',
  )
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const client = createDockerClient(`tcp://127.0.0.1:${port}`, undefined)
  await fails(client.get('/version'), 'DOCKER_ANSWER_INVALID', /does not speak HTTP/)
  server.close()
})

for (const [name, status, body, code, message] of [
  ['a proxy that forbids', 403, 'Forbidden', 'DOCKER_FORBIDDEN', /answered 403 to GET \/version/],
  ['something that has no such page', 404, '', 'DOCKER_ANSWER_INVALID', /answered 404/],
  ['an engine in trouble', 500, '{}', 'DOCKER_GONE', /answered 500/],
  ['a redirect', 302, '', 'DOCKER_ANSWER_INVALID', /answered 302/],
  ['no JSON', 200, '<html>', 'DOCKER_ANSWER_INVALID', /is no JSON/],
  ['JSON of something else', 200, '{"version":1}', 'DOCKER_ANSWER_INVALID', /not that of an engine/],
  ['null', 200, 'null', 'DOCKER_ANSWER_INVALID', /not that of an engine/],
  ['a strange version', 200, '{"ApiVersion":"1.40","MinAPIVersion":{}}', 'DOCKER_ANSWER_INVALID', /not that/],
  [
    'an engine of long ago',
    200,
    '{"ApiVersion":"1.18"}',
    'DOCKER_TOO_OLD',
    /its API 1\.18 is older than 1\.30/,
  ],
] as const) {
  test(`readEngineVersion() refuses ${name}`, async () => {
    await using engine = await startScriptedEngine()
    engine.script = (_request, response) => {
      response.writeHead(status, { location: '/elsewhere' }).end(body)
      return true
    }
    const client = createDockerClient(engine.url, undefined)
    await fails(readEngineVersion(client), code, message)
    client.close()
  })
}

test('a newest engine that takes no old clients is read from', async () => {
  await using engine = await startScriptedEngine()
  engine.script = (_request, response) => {
    response.end('{"Version":"29.1.0","ApiVersion":"1.52","MinAPIVersion":"1.44"}')
    return true
  }
  const client = createDockerClient(engine.url, undefined)
  assert.deepEqual(await readEngineVersion(client), { version: '29.1.0', apiVersion: '1.52' })
  client.close()
})

test('a container that is gone has another error than an engine that is none', async () => {
  await using engine = await startScriptedEngine()
  const client = createDockerClient(engine.url, undefined)
  await fails(client.inspect(formatId(1)), 'DOCKER_NOT_FOUND', /answered 404/)
  client.close()
})

test('an answer without end is cut off', async () => {
  await using engine = await startScriptedEngine()
  engine.script = (_request, response) => {
    const write = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(256 * 1024, 'x')));
    }
    response.on('drain', write)
    write()
    return true
  }
  const client = createDockerClient(engine.url, undefined)
  await fails(client.inspect(formatId(1)), 'DOCKER_ANSWER_INVALID', /longer than 4194304 bytes/)
  client.close()
})

for (const [name, script] of [
  ['no answer', (): void => {}],
  ['half an answer', (write: (text: string) => void): void => write('[{"Id"')],
] as const) {
  test(`${name} is waited for only so long`, async () => {
    await using engine = await startScriptedEngine()
    engine.script = (_request, response) => {
      script((text) => void response.write(text))
      return true
    }
    const client = createDockerClient(engine.url, undefined, { answerTimeoutMs: 100 })
    await fails(client.get('/containers/json?all=1'), 'DOCKER_TIMEOUT', /does not answer in time/)
    client.close()
  })
}

test('close() ends what is under way', async () => {
  await using engine = await startScriptedEngine()
  engine.script = () => true
  const client = createDockerClient(engine.url, undefined)
  const answer = fails(client.get('/version'), 'DOCKER_GONE', /the connection was lost/)
  while (engine.requests.length === 0) await new Promise((resolve) => setImmediate(resolve))
  client.close()
  await answer
})

test('TLS with a folder of certificates is mutual, and another authority is refused', async () => {
  await using folder = await makeTempFolder('docker-tls')
  const authority = makePaper('engines')
  const server = makePaper('engine', { by: authority, names: ['127.0.0.1', 'localhost'] })
  const user = makePaper('berth', { by: authority, names: ['berth'] })
  const write = async (name: string, ca: string): Promise<string> => {
    const path = join(folder.path, name)
    await mkdir(path)
    await writeFile(join(path, 'ca.pem'), ca)
    await writeFile(join(path, 'cert.pem'), user.pem)
    await writeFile(join(path, 'key.pem'), user.keyPem)
    return path
  }
  const seen: unknown[] = []
  const engine = createHttpsServer(
    { cert: server.pem, key: server.keyPem, ca: authority.pem, requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      seen.push((request.socket as TLSSocket).getPeerCertificate().subject?.CN)
      response.end('{"Version":"28","ApiVersion":"1.47"}')
    },
  ).listen(0, 'localhost')
  await using _closing = {
    async [Symbol.asyncDispose]() {
      engine.close()
      engine.closeAllConnections()
    },
  }
  await once(engine, 'listening')
  const url = `tcp://localhost:${(engine.address() as AddressInfo).port}`
  const right = createDockerClient(url, await write('right', authority.pem))
  assert.equal((await readEngineVersion(right)).version, '28')
  assert.deepEqual(seen, ['berth'])
  const wrong = createDockerClient(url, await write('wrong', makePaper('others').pem))
  await fails(wrong.get('/version'), 'DOCKER_TLS_FAILED', /TLS failed/)
  assert.throws(() => createDockerClient(url, join(folder.path, 'missing')), { code: 'DOCKER_TLS_FAILED' })
  right.close()
  wrong.close()
})
