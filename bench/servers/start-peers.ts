import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findPart } from '../../test/parts/find-parts.ts'
import { findFreePort, isListening } from '../../test/support/machine/free-port.ts'
import { type StartedProcess, startProcess } from '../../test/support/machine/start-process.ts'
import type { Workspace } from '../workspace.ts'
import { type BasicAccount, type BenchServer, basicHeader, registryBlobPath } from './bench-server.ts'
import { formatNginxConfig, formatRegistryConfig, type NginxSettings } from './registry-config.ts'

/** Options of starting Debian's docker-registry. */
interface DistributionOptions {
  readonly name: string
  readonly isTls: boolean
  /** A password file, and the account of it that is used. */
  readonly htpasswd?: { readonly file: string; readonly account: BasicAccount }
}

/** Starts Debian's docker-registry with an empty root. */
export async function startDistribution(
  workspace: Workspace,
  options: DistributionOptions,
): Promise<BenchServer> {
  const folder = await workspace.folder('distribution')
  const [root, config] = [join(folder, 'root'), join(folder, 'config.yml')]
  const port = await findFreePort()
  const tls = options.isTls ? workspace : undefined
  await mkdir(root)
  await writeFile(config, formatRegistryConfig({ root, port, tls, htpasswdFile: options.htpasswd?.file }))
  const started = await startPeer('docker-registry', { args: ['serve', config], folder, port })
  const authorization = options.htpasswd && basicHeader(options.htpasswd.account)
  return {
    name: options.name,
    url: `${options.isTls ? 'https' : 'http'}://127.0.0.1:${port}`,
    roots: [started.pid],
    registryRoot: root,
    blobPath: registryBlobPath,
    authorize: async () => authorization,
    ...ending([started]),
  }
}

/** Starts the hand-built stack: nginx ends TLS in front of a docker-registry of its own. */
export async function startStack(workspace: Workspace, name: string): Promise<BenchServer> {
  const registry = await startDistribution(workspace, { name, isTls: false })
  const upstreamPort = Number(new URL(registry.url).port)
  const { started, url } = await startNginx(workspace, { upstreamPort })
  return {
    ...registry,
    url,
    roots: [started.pid, ...registry.roots],
    ...ending([started, registry]),
  }
}

/** Starts nginx over a folder of files. Blobs are read from `/<digest without its colon>`. */
export async function startStaticFiles(
  workspace: Workspace,
  options: { name: string; files: string },
): Promise<BenchServer> {
  const { started, url } = await startNginx(workspace, { files: options.files })
  return {
    name: options.name,
    url,
    roots: [started.pid],
    registryRoot: undefined,
    blobPath: (_repository, digest) => `/${digest.replace(':', '-')}`,
    authorize: async () => undefined,
    ...ending([started]),
  }
}

async function startNginx(
  workspace: Workspace,
  serve: NginxSettings['serve'],
): Promise<{ started: StartedProcess; url: string }> {
  const folder = await workspace.folder('nginx')
  const config = join(folder, 'nginx.conf')
  const port = await findFreePort()
  await writeFile(config, formatNginxConfig({ folder, port, tls: workspace, serve }))
  const args = ['-c', config, '-p', folder, '-e', join(folder, 'error.log')]
  const started = await startPeer('nginx', { args, folder, port })
  return { started, url: `https://127.0.0.1:${port}` }
}

async function startPeer(
  program: string,
  { args, folder, port }: { args: readonly string[]; folder: string; port: number },
): Promise<StartedProcess> {
  const file = findPart(program)
  if (file === undefined) throw new Error(`${program} is not installed`)
  return await startProcess(file, {
    args,
    logFile: join(folder, 'output.log'),
    isReady: () => isListening(port),
  })
}

function ending(
  parts: readonly { stop(): Promise<unknown> }[],
): Pick<BenchServer, 'stop' | typeof Symbol.asyncDispose> {
  const stop = async (): Promise<void> => {
    for (const part of parts) await part.stop()
  }
  return { stop, [Symbol.asyncDispose]: stop }
}
