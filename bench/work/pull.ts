import { link } from 'node:fs/promises'
import { join } from 'node:path'
import { closingUrl, openUpload } from '../push-image.ts'
import type { BenchServer } from '../servers/bench-server.ts'
import { startBerth } from '../servers/start-berth.ts'
import { startDistribution, startStack, startStaticFiles } from '../servers/start-peers.ts'
import { inOrderOfRound, timed, transferFigures } from '../timed.ts'
import { makePayload, type Payload } from '../workspace.ts'
import { CONNECTIONS, keepServers, NAMES, nameWork, type WorkContext } from './work-context.ts'

const REPOSITORY = 'bench/pull'

/** Pulls one large blob over TLS, from a warm page cache, once per connection. */
export async function measurePull(context: WorkContext): Promise<void> {
  const { workspace, options } = context
  const payload = await makePayload(join(workspace.path, 'pull-payload'), options.sizes.blobBytes)
  await using kept = keepServers()
  const files = await workspace.folder('files')
  const servers = [
    kept.add(await startBerth(workspace, { name: NAMES.berth })),
    kept.add(await startBerth(workspace, { name: NAMES.workers, hasWorkers: true })),
    kept.add(await startDistribution(workspace, { name: NAMES.distribution, isTls: true })),
    kept.add(await startStack(workspace, NAMES.stack)),
    kept.add(await startStaticFiles(workspace, { name: NAMES.files, files })),
  ]
  await link(payload.file, join(files, payload.digest.replace(':', '-')))
  for (const server of servers) await storeAndVerify(context, server, payload)
  for (let round = 0; round < options.rounds; round += 1) {
    for (const connections of CONNECTIONS) {
      for (const server of inOrderOfRound(servers, round)) {
        const work = nameWork('pull over TLS', connections)
        const cost = await pullOnce(context, { server, payload, connections })
        context.record({
          work,
          server: server.name,
          round,
          figures: transferFigures(payload.bytes * connections, cost),
        })
      }
    }
  }
}

/** Untimed: pushes the blob, checks its digest in a pull, and fills the page cache with it. */
async function storeAndVerify({ curl }: WorkContext, server: BenchServer, payload: Payload): Promise<void> {
  if (server.registryRoot !== undefined) {
    const authorization = await server.authorize(REPOSITORY)
    const upload = await openUpload({ server, repository: REPOSITORY }, authorization)
    const url = closingUrl(upload, payload.digest)
    await curl.send({ url, authorization }, { method: 'PUT', file: payload.file })
  }
  const url = server.url + server.blobPath(REPOSITORY, payload.digest)
  const digest = await curl.pullDigest({ url, authorization: await server.authorize(REPOSITORY) })
  if (digest !== payload.digest) throw new Error(`${server.name} answered other bytes: ${digest}`)
}

async function pullOnce(
  { curl }: WorkContext,
  { server, payload, connections }: { server: BenchServer; payload: Payload; connections: number },
) {
  const request = {
    url: server.url + server.blobPath(REPOSITORY, payload.digest),
    authorization: await server.authorize(REPOSITORY),
  }
  const pulls = () => Promise.all(Array.from({ length: connections }, () => curl.pull(request)))
  return await timed(server.roots, pulls)
}
