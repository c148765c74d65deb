import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatId, startScriptedEngine } from '../../../test/support/docker/scripted-engine.ts'
import { createDockerClient } from './engine/docker-client.ts'
import { readEngineName, readRunningContainers } from './read-running-images.ts'

const DIGEST = `sha256:${'a'.repeat(64)}`
const OTHER = `sha256:${'b'.repeat(64)}`

test('containers that run are read with the names of their images, each image once', async () => {
  await using engine = await startScriptedEngine()
  const image = 'registry.example.com/team/app:1'
  const repoDigests = [`registry.example.com/team/app@${DIGEST}`, `other.example/app@${DIGEST}`]
  engine.containers.set(formatId(1), { name: 'web', image, repoDigests })
  engine.containers.set(formatId(2), { name: 'worker', state: 'paused', image, repoDigests })
  engine.containers.set(formatId(3), { name: 'ended', state: 'exited', image: 'gone' })
  const client = createDockerClient(engine.url, undefined)
  assert.deepEqual(await readRunningContainers(client), [
    { name: 'web', imageNames: repoDigests },
    { name: 'worker', imageNames: repoDigests },
  ])
  assert.equal(engine.requests.filter((request) => request.includes('/images/')).length, 1)
  assert.deepEqual(await readEngineName(client), { id: 'engine-1', host: 'docker.example' })
  client.close()
})

test('a container whose image has lost its names is read by the name and the manifest that it was made of', async () => {
  await using engine = await startScriptedEngine()
  engine.containers.set(formatId(1), { name: 'web', image: 'localhost:5000/team/app:1', manifest: OTHER })
  engine.containers.set(formatId(2), { name: 'old', image: `registry.example.com/app@${DIGEST}` })
  engine.containers.set(formatId(3), { name: 'bare', image: 'sha256:123' })
  const client = createDockerClient(engine.url, undefined)
  assert.deepEqual(
    (await readRunningContainers(client)).map(({ imageNames }) => imageNames),
    [[`localhost:5000/team/app@${OTHER}`], [`registry.example.com/app@${DIGEST}`], []],
  )
  client.close()
})

test('answers of another form have no containers, an image that is gone has no names, and a proxy that forbids is an error', async () => {
  await using engine = await startScriptedEngine()
  engine.containers.set(formatId(1), { name: 'web' })
  const client = createDockerClient(engine.url, undefined)
  let answer: (url: string) => [number, string] | undefined = () => undefined
  engine.script = (request, response) => {
    const [status, body] = answer(request.url ?? '') ?? []
    if (status === undefined) return false
    response.writeHead(status).end(body)
    return true
  }
  answer = (url) => (url.startsWith('/images/') ? [404, '{}'] : undefined)
  assert.deepEqual(await readRunningContainers(client), [{ name: 'web', imageNames: [] }])
  answer = (url) => (url.startsWith('/images/') ? [200, '{"RepoDigests":[1,null]}'] : undefined)
  assert.deepEqual(await readRunningContainers(client), [{ name: 'web', imageNames: [] }])
  answer = (url) => (url.startsWith('/images/') ? [403, ''] : undefined)
  await assert.rejects(readRunningContainers(client), { code: 'DOCKER_FORBIDDEN', remedy: /images/ })
  for (const body of ['null', '{}', '[null, 1, {"State":"running"}]']) {
    answer = () => [200, body]
    for (const { imageNames } of await readRunningContainers(client)) assert.deepEqual(imageNames, [])
  }
  answer = (url) => (url === '/info' ? [403, ''] : undefined)
  assert.equal(await readEngineName(client), undefined)
  answer = (url) => (url === '/version' ? [200, '{"Components":[{"Name":"Podman Engine"}]}'] : undefined)
  assert.equal(await readEngineName(client), undefined, 'podman has no id that stays')
  client.close()
})
