import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createContainerDeclarer } from '../docker/declare/container-sites.ts'
import { type ContainerFacts, readContainer } from '../docker/facts/container-facts.ts'
import { ON_HOST } from '../docker/facts/own-networks.ts'
import { readHttpLevel } from '../vhost/compile/read-http-level.ts'
import { SiteAssembler } from './assemble-sites.ts'
import { HostPatterns, HostTable } from './host-table.ts'
import type { Site } from './site.ts'
import type { SiteDeclaration } from './site-declaration.ts'

const MANY = 1_800
const DEFAULTS = {
  httpsMethod: 'redirect',
  nonGetRedirect: 308,
  httpWithoutCert: true,
  hsts: undefined,
  isDefaultTrusted: true,
  defaultHost: undefined,
  preferIpv6: false,
} as const

function toContainer(index: number, port = 80): ContainerFacts {
  const facts = readContainer({
    Id: String(index).padStart(64, '0'),
    Name: `/c${index}`,
    Created: new Date(index * 1_000).toISOString(),
    State: { Running: true },
    Config: { Env: [`VIRTUAL_HOST=~^app-${index}-\\d+\\.example\\.com$`, `VIRTUAL_PORT=${port}`] },
    NetworkSettings: { Networks: { web: { IPAddress: '172.20.0.2' } } },
  })
  assert.ok(facts)
  return facts
}

/** Those of a list that were made anew. */
function anew<T>(before: readonly T[], after: readonly T[]): T[] {
  return after.filter((each) => !before.includes(each))
}

test('of 1,800 hosts that are regular expressions a change costs one, and all of them are found', () => {
  const patterns = new HostPatterns()
  const assembler = new SiteAssembler(patterns)
  const declare = createContainerDeclarer(DEFAULTS)
  const containers = Array.from({ length: MANY }, (_none, index) => toContainer(index))
  const look = (all: readonly ContainerFacts[]): { declared: SiteDeclaration[]; sites: Site[] } => {
    const declared = declare(all, ON_HOST)
    const sites = assembler.assemble({
      declarations: declared,
      vhostFiles: new Map(),
      passwordFiles: new Map(),
      httpLevel: readHttpLevel([]),
      resolvePath: () => undefined,
      hasLogFiles: false,
    })
    return { declared, sites }
  }
  const createTable = (sites: readonly Site[]): HostTable<Site> =>
    new HostTable(
      sites.map((site) => [site.declaration.host, site] as const),
      undefined,
      patterns,
    )

  const first = look(containers)
  const table = createTable(first.sites)
  assert.deepEqual(table.problems, [])
  for (const index of [0, 999, 1_000, MANY - 1]) {
    const site = table.find(`app-${index}-7.example.com`)
    assert.equal(site?.declaration.host, `~^app-${index}-\\d+\\.example\\.com$`)
  }
  const compiled = first.sites.map(({ declaration }) => patterns.compile(declaration.host))

  const second = look(containers.with(5, toContainer(5, 81)))
  assert.deepEqual(
    anew(first.declared, second.declared).map(({ source }) => source),
    [{ kind: 'docker', containers: ['c5'] }],
  )
  assert.deepEqual(
    anew(
      first.sites.map(({ server }) => server),
      second.sites.map(({ server }) => server),
    ),
    [],
  )
  createTable(second.sites)
  const again = second.sites.map(({ declaration }) => patterns.compile(declaration.host))
  assert.deepEqual(anew(compiled, again), [])
})

test('a table with more regular expressions than are looked at says which are not', () => {
  const hosts = Array.from({ length: 2_001 }, (_none, index) => `~^h${String(index).padStart(5, '0')}$`)
  const table = new HostTable(hosts.map((host) => [host, host] as const))
  assert.deepEqual(
    table.problems.map(({ pattern }) => pattern),
    ['~^h02000$'],
  )
  assert.equal(table.find('h01999'), '~^h01999$')
  assert.equal(table.find('h02000'), undefined)
  // Both hits and misses are remembered.
  assert.equal(table.find('h01999'), '~^h01999$')
  assert.equal(table.find('h02000'), undefined)
})
