import assert from 'node:assert/strict'
import { hostname } from 'node:os'
import { test } from 'node:test'
import { loadConfig } from '../../config/load/load-config.ts'
import { createOwnHosts } from './own-hosts.ts'
import { toRunningImages } from './to-running-images.ts'

const DIGEST = `sha256:${'a'.repeat(64)}`

function decide(flags: Record<string, unknown>, host: string): boolean {
  return createOwnHosts(loadConfig({ flags, env: {}, cwd: '/work' }).config)(host)
}

test('image names of the domains, of the public URL and of this machine are of this registry', () => {
  const withDomain = { domain: ['registry.example.com', 'images.example.com'] }
  for (const [flags, host, isOwn] of [
    [withDomain, 'registry.example.com', true],
    [withDomain, 'Images.Example.com:8443', true],
    [withDomain, 'other.example.com', false],
    [withDomain, 'localhost:443', true],
    [withDomain, `${hostname()}:80`, true],
    [withDomain, 'localhost:5000', false],
    [{}, 'localhost:5000', true],
    [{}, '127.0.0.1:5000', true],
    [{}, '[::1]:5000', true],
    [{}, 'any.example.com:5000', true],
    [{}, 'any.example.com', false],
    [{}, 'localhost:5001', false],
    [{ 'public-url': 'https://hub.example.com' }, 'hub.example.com', true],
    [{ 'public-url': 'https://hub.example.com' }, 'any.example.com:5000', false],
    [{ 'public-url': 'https://hub.example.com' }, 'localhost:5000', true],
  ] as const) {
    assert.equal(decide(flags, host), isOwn, `${JSON.stringify(flags)} ${host}`)
  }
})

test('`toRunningImages()` names each image of this registry once, with the containers that run it', () => {
  const name = (repository: string, host = 'registry.example.com') => `${host}/${repository}@${DIGEST}`
  const images = toRunningImages(
    [
      {
        name: 'web',
        imageNames: [name('team/app'), name('team/copy'), name('team/app', 'other.example.com')],
      },
      ...['e', 'd', 'c', 'b'].map((one) => ({ name: one, imageNames: [name('team/app')] })),
      {
        name: 'hub',
        imageNames: [`nginx@${DIGEST}`, `library/nginx@${DIGEST}`, 'no digest', '', name('Bad/Name')],
      },
      {
        name: 'bad',
        imageNames: ['registry.example.com/team/app@sha256:1', `registry.example.com@${DIGEST}`],
      },
    ],
    (host) => host === 'registry.example.com',
  )
  assert.deepEqual(images, [
    { repository: 'team/app', digest: DIGEST, containers: 'b, c, d and 2 more' },
    { repository: 'team/copy', digest: DIGEST, containers: 'web' },
  ])
})
