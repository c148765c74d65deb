import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import { startApp } from '../../../../test/support/door/start-app.ts'
import { UpstreamPools } from './upstream-pools.ts'

function target(port: number) {
  return { origin: `http://127.0.0.1:${port}`, connectTimeoutMs: 1_000, keepAlive: 2, tls: undefined }
}

function readBody(pool: ReturnType<UpstreamPools['get']>): Promise<string> {
  return new Promise((resolve, reject) => {
    let body = ''
    const onResponseData = (_controller: unknown, chunk: Buffer): void => {
      body += chunk
    }
    pool.dispatch(
      { path: '/', method: 'GET' },
      {
        onRequestStart: () => {},
        onResponseStart: () => {},
        onResponseData,
        onResponseEnd: () => resolve(body),
        onResponseError: (_controller, error) => reject(error),
      },
    )
  })
}

test('of too many pools the one used longest ago is closed, and none that is at work', async () => {
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<ServerResponse>()
  await using app = await startApp((_request, response) => arrive(response))
  await using pools = new UpstreamPools(3)
  const busy = pools.get(target(app.port))
  const answer = readBody(busy)
  const response = await arrived
  const [second] = [pools.get(target(1)), pools.get(target(2))]
  assert.equal(pools.get(target(app.port)), busy)
  for (let port = 3; port < 50; port++) pools.get(target(port))
  assert.equal(pools.size, 3)
  assert.equal(second?.closed, true)
  assert.equal(pools.get(target(app.port)), busy)
  response.end('still there')
  assert.equal(await answer, 'still there')
})
