import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findPart } from '../../test/parts/find-parts.ts'
import { findFreePort, isListening } from '../../test/support/machine/free-port.ts'
import { startProcess } from '../../test/support/machine/start-process.ts'
import { BERTH_BIN } from '../../test/support/program/boot-berth.ts'
import type { Workspace } from '../workspace.ts'

/** A proxy under measurement, or the server behind it. */
export interface BenchProxy extends AsyncDisposable {
  readonly name: string
  /** URL of the host `localhost`, which all of them serve. */
  readonly url: string
  readonly pid: number
}

/** The server behind: a small text at `/small`, a large file at `/large`. */
export async function startOrigin(workspace: Workspace, largeBytes: number): Promise<BenchProxy> {
  const folder = await workspace.folder('origin')
  const port = await findFreePort()
  await writeFile(join(folder, 'large'), Buffer.alloc(largeBytes, 1))
  const config = `${nginxHead(folder)}
http {
  access_log off; sendfile on; keepalive_requests 100000000;
  server {
    listen 127.0.0.1:${port};
    location = /small { default_type text/plain; return 200 "${'a small answer, such as of an API '.repeat(8)}"; }
    location / { root ${folder}; }
  }
}`
  return startNginx({ name: 'origin', folder, port, config, scheme: 'http' })
}

/** Starts nginx as nginx-proxy configures it: TLS, connections to the upstream kept. */
export async function startNginxProxy(
  workspace: Workspace,
  name: string,
  originPort: number,
): Promise<BenchProxy> {
  const folder = await workspace.folder('nginx-proxy')
  const port = await findFreePort()
  const config = `${nginxHead(folder)}
http {
  access_log off; keepalive_requests 100000000; proxy_temp_path ${folder}/temp;
  upstream app { server 127.0.0.1:${originPort}; keepalive 64; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port} ssl;
    server_name localhost;
    ssl_certificate ${workspace.certFile}; ssl_certificate_key ${workspace.keyFile}; ssl_protocols TLSv1.3;
    location / {
      proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $http_host; proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;
    }
  }
}`
  return startNginx({ name, folder, port, config, scheme: 'https' })
}

/** Starts Caddy as a reverse proxy with a given certificate. */
export async function startCaddy(
  workspace: Workspace,
  name: string,
  originPort: number,
): Promise<BenchProxy> {
  const folder = await workspace.folder('caddy')
  const port = await findFreePort()
  const file = join(folder, 'Caddyfile')
  await writeFile(
    file,
    `{
  admin off
  auto_https off
  storage file_system ${folder}/storage
}
https://localhost:${port} {
  bind 127.0.0.1
  tls ${workspace.certFile} ${workspace.keyFile}
  reverse_proxy 127.0.0.1:${originPort}
}
`,
  )
  return start({
    name,
    program: 'caddy',
    args: ['run', '--config', file, '--adapter', 'caddyfile'],
    folder,
    port,
    scheme: 'https',
  })
}

/** Starts a server of Node alone that holds WebSockets over TLS. */
export async function startBareTls(workspace: Workspace, name: string): Promise<BenchProxy> {
  const folder = await workspace.folder('bare-tls')
  const port = await findFreePort()
  const program = fileURLToPath(new URL('bare-tls-server.ts', import.meta.url))
  const args = [program, workspace.certFile, workspace.keyFile, String(port)]
  return start({ name, program: process.execPath, args, folder, port, scheme: 'https' })
}

/**
 * Starts Berth's front door with one site before the origin, and further sites without visitors; `hasWorkers`: one
 * process for each core.
 */
export async function startFrontDoor(
  workspace: Workspace,
  name: string,
  { originPort, hosts, hasWorkers }: { originPort: number; hosts: number; hasWorkers?: boolean },
): Promise<BenchProxy> {
  const folder = await workspace.folder('front-door')
  const port = await findFreePort()
  const config = join(folder, 'berth.yaml')
  const site = (host: string): string => `  ${host}: { upstream: 'http://127.0.0.1:${originPort}' }\n`
  const others = Array.from({ length: hosts - 1 }, (_, index) => site(`app${index}.example.test`))
  await writeFile(config, `sites:\n${site('localhost')}${others.join('')}`)
  const args = [
    ...[
      'serve',
      '--workers',
      hasWorkers ? 'auto' : '1',
      '--config',
      config,
      '--data',
      join(folder, 'data'),
      '--domain',
      'registry.example.test',
    ],
    ...[
      '--listen-http',
      'off',
      '--listen-https',
      `127.0.0.1:${port}`,
      '--acme',
      'off',
      // Its hosts are local ones, with certificates of Berth's own CA.
      '--local-ca',
      'all',
      '--docker-host',
      'off',
    ],
  ]
  return start({ name, program: BERTH_BIN, args, folder, port, scheme: 'https' })
}

function nginxHead(folder: string): string {
  return `${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes auto; daemon off; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
events { worker_connections 4096; }`
}

interface Start {
  readonly name: string
  readonly folder: string
  readonly port: number
  readonly scheme: 'http' | 'https'
}

async function startNginx({ config, ...rest }: Start & { config: string }): Promise<BenchProxy> {
  const file = join(rest.folder, 'nginx.conf')
  await writeFile(file, config)
  const args = ['-c', file, '-p', rest.folder, '-e', join(rest.folder, 'error.log')]
  return start({ ...rest, program: 'nginx', args })
}

async function start({
  name,
  program,
  args,
  folder,
  port,
  scheme,
}: Start & { program: string; args: readonly string[] }): Promise<BenchProxy> {
  const file = program.includes('/') ? program : findPart(program)
  if (file === undefined) throw new Error(`${program} is not installed`)
  const own = Object.entries(process.env).filter(
    ([variable]) => !/^(?:BERTH|REGISTRY|VIRTUAL)_/.test(variable),
  )
  const started = await startProcess(file, {
    args,
    logFile: join(folder, 'output.log'),
    env: { ...Object.fromEntries(own), HOME: folder },
    isReady: () => isListening(port),
  })
  return {
    name,
    url: `${scheme}://localhost:${port}`,
    pid: started.pid,
    [Symbol.asyncDispose]: async () => {
      await started.stop()
    },
  }
}
