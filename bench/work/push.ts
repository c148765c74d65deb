import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../command.ts'
import { closingUrl, header, openUpload, resolveLocation } from '../push-image.ts'
import { requestOk } from '../registry-request.ts'
import { type BenchServer, removeBlobBytes } from '../servers/bench-server.ts'
import { startBerth } from '../servers/start-berth.ts'
import { startDistribution, startStack } from '../servers/start-peers.ts'
import { type Cost, inOrderOfRound, timed, transferFigures } from '../timed.ts'
import { makePayload, type Payload, stampPayload, warmPageCache } from '../workspace.ts'
import { CONNECTIONS, keepServers, NAMES, nameWork, type WorkContext } from './work-context.ts'

const REPOSITORY = 'bench/push'

/** Ways to push: in one request, or as Docker does. */
const WAYS = { put: 'push over TLS (POST, PUT)', patch: 'push over TLS (POST, PATCH, PUT)' } as const
type Way = keyof typeof WAYS

/**
 * Pushes one GiB of bytes that no server has seen, over TLS: as one blob on one connection, as four at once. The disk
 * writes the same files with `dd conv=fsync`.
 */
export async function measurePush(context: WorkContext): Promise<void> {
  const { workspace } = context
  await using kept = keepServers()
  const servers = [
    kept.add(await startBerth(workspace, { name: NAMES.berth })),
    kept.add(await startBerth(workspace, { name: NAMES.workers, hasWorkers: true })),
    kept.add(await startDistribution(workspace, { name: NAMES.distribution, isTls: true })),
    kept.add(await startStack(workspace, NAMES.stack)),
  ]
  for (const connections of CONNECTIONS) await measureConnections(context, servers, connections)
}

async function measureConnections(
  context: WorkContext,
  servers: readonly BenchServer[],
  connections: number,
): Promise<void> {
  const { workspace, options } = context
  const bytes = options.sizes.blobBytes
  const files = Array.from({ length: connections }, (_, index) =>
    join(workspace.path, `push-payload-${index}`),
  )
  let payload: Payload[] = []
  for (const file of files) payload.push(await makePayload(file, bytes / connections))
  for (let round = 0; round < options.rounds; round += 1) {
    for (const way of ['put', 'patch'] as const) {
      const work = nameWork(WAYS[way], connections)
      payload = await Promise.all(payload.map(stampPayload))
      for (const server of inOrderOfRound([...servers, undefined], round)) {
        await warmPageCache(workspace, payload)
        const cost = server
          ? await pushOnce(context, { server, payload, way })
          : await timed([], () => writeOnce(context, payload))
        context.record({
          work,
          server: server?.name ?? NAMES.disk,
          round,
          figures: server ? transferFigures(bytes, cost) : diskFigures(bytes, cost),
        })
        await removeWritten(context, { server, payload })
      }
    }
  }
  for (const file of files) await rm(file)
}

async function pushOnce(
  context: WorkContext,
  { server, payload, way }: { server: BenchServer; payload: readonly Payload[]; way: Way },
) {
  const authorization = await server.authorize(REPOSITORY)
  const push = way === 'put' ? pushByPut : pushByPatch
  const cost = await timed(server.roots, () =>
    Promise.all(payload.map((one) => push(context, { server, payload: one, authorization }))),
  )
  for (const one of payload) await checkStored(server, { payload: one, authorization })
  return cost
}

interface Push {
  readonly server: BenchServer
  readonly payload: Payload
  readonly authorization: string | undefined
}

async function pushByPut({ curl }: WorkContext, { server, payload, authorization }: Push): Promise<void> {
  const upload = await openUpload({ server, repository: REPOSITORY }, authorization)
  const url = closingUrl(upload, payload.digest)
  await curl.send({ url, authorization }, { method: 'PUT', file: payload.file })
}

async function pushByPatch({ curl }: WorkContext, { server, payload, authorization }: Push): Promise<void> {
  const upload = await openUpload({ server, repository: REPOSITORY }, authorization)
  const location = await curl.send(
    { url: upload.href, authorization },
    { method: 'PATCH', file: payload.file },
  )
  const url = closingUrl(resolveLocation(server, location), payload.digest)
  await requestOk(url, { method: 'PUT', headers: header(authorization) })
}

async function checkStored(
  server: BenchServer,
  { payload, authorization }: { payload: Payload; authorization: string | undefined },
): Promise<void> {
  const url = server.url + server.blobPath(REPOSITORY, payload.digest)
  const { headers } = await requestOk(url, { method: 'HEAD', headers: header(authorization) })
  if (headers['content-length'] !== String(payload.bytes)) {
    throw new Error(`${server.name} holds ${headers['content-length']} of ${payload.bytes} bytes`)
  }
}

/** dd is a client here, not a server: its processor time and memory are left out. */
function diskFigures(bytes: number, cost: Cost): Record<string, number> {
  return { 'MB/s': bytes / 1e6 / cost.seconds, 'others busy %': cost.othersBusyPercent }
}

async function writeOnce({ workspace }: WorkContext, payload: readonly Payload[]): Promise<void> {
  await Promise.all(
    payload.map(({ file }, index) =>
      run('dd', [`if=${file}`, `of=${ddFile(workspace.path, index)}`, 'bs=1M', 'conv=fsync', 'status=none']),
    ),
  )
}

async function removeWritten(
  { workspace }: WorkContext,
  { server, payload }: { server: BenchServer | undefined; payload: readonly Payload[] },
): Promise<void> {
  for (const [index, { digest }] of payload.entries()) {
    if (server) await removeBlobBytes(server, digest)
    else await rm(ddFile(workspace.path, index))
  }
}

function ddFile(folder: string, index: number): string {
  return join(folder, `dd-${index}`)
}
