import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { part } from '../../parts/find-parts.ts'
import { findFreePort, isListening } from '../machine/free-port.ts'
import { runCommand } from '../machine/run-command.ts'
import { startProcess } from '../machine/start-process.ts'
import type { Upstreams } from './start-upstreams.ts'

const LOOPBACK = '127.0.0.1'
/** Declared paths of a host without any declaration. */
export const ROOT: NonNullable<VhostFiles['paths']> = [{ path: '/', destination: '' }]

/** A vhost file with the files beside it, placeholders filled in. */
export interface VhostFiles {
  readonly host: string
  readonly vhost: string
  readonly location?: string | undefined
  readonly override?: string | undefined
  readonly confD?: string | undefined
  /** Declared paths; undefined: `/` alone. */
  readonly paths?: readonly { readonly path: string; readonly destination: string }[] | undefined
}

/** A server that has all hosts. */
export interface Side extends AsyncDisposable {
  readonly port: number
}

/** nginx with the configuration that nginx-proxy writes around vhost files. */
export async function startNginx(
  folder: string,
  files: readonly VhostFiles[],
  upstreams: Upstreams,
): Promise<Side> {
  const port = await findFreePort()
  const path = (name: string): string => join(folder, name)
  await writeConfig(folder, { files, upstreams, port })
  const nginx = await startProcess(part('nginx'), {
    args: ['-p', folder, '-c', path('nginx.conf'), '-e', path('error.log')],
    logFile: path('output.log'),
    isReady: async () => {
      await isListening(port)
      return true
    },
  })
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      await nginx.stop()
    },
  }
}

/** Those of many hosts with which nginx would not start, with its own messages. Runs nginx's check until it passes. */
export async function findRefused(
  folder: string,
  files: readonly VhostFiles[],
  upstreams: Pick<Upstreams, 'main'>,
): Promise<Map<string, string>> {
  const refused = new Map<string, string>()
  await writeConfig(folder, { files, upstreams, port: 1 })
  for (;;) {
    const left = files.filter(({ host }) => !refused.has(host))
    await writeFile(join(folder, 'nginx.conf'), formatConfig(folder, { files: left }))
    const words = await tryConfig(folder)
    if (words === undefined) return refused
    const host = /\/hosts\/([^/:]+)\.conf:\d+/.exec(words)?.[1]
    if (host === undefined) throw new Error(`nginx does not say which host it refuses: ${words}`)
    refused.set(host, words)
  }
}

/** The messages of nginx if it would not start with a vhost file; undefined if it would. */
export async function checkWithNginx(
  folder: string,
  file: VhostFiles,
  upstreams: Pick<Upstreams, 'main'>,
): Promise<string | undefined> {
  await writeConfig(folder, { files: [file], upstreams, port: 1 })
  return tryConfig(folder)
}

async function tryConfig(folder: string): Promise<string | undefined> {
  const args = ['-t', '-q', '-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'check.log')]
  const { code, stderr } = await runCommand(part('nginx'), args)
  return code === 0 ? undefined : stderr
}

/** Writes nginx.conf, and a file for each host. */
async function writeConfig(
  folder: string,
  parts: { files: readonly VhostFiles[]; upstreams: Pick<Upstreams, 'main'>; port: number },
): Promise<void> {
  const hosts = join(folder, 'hosts')
  await mkdir(hosts, { recursive: true })
  // Target of relative paths of `access_log`.
  await mkdir(join(folder, 'logs'), { recursive: true })
  await writeFile(join(folder, 'nginx.conf'), formatConfig(folder, parts))
  await Promise.all(parts.files.map((file) => writeFile(hostFile(folder, file), formatHost(file, parts))))
}

function hostFile(folder: string, { host }: VhostFiles): string {
  return join(folder, 'hosts', `${host}.conf`)
}

function formatHost(
  { host, vhost, location = '', override, confD = '', paths = ROOT }: VhostFiles,
  { upstreams, port }: { upstreams: Pick<Upstreams, 'main'>; port: number },
): string {
  return `${confD}
  upstream ${host} { server ${upstreams.main}; }
  server {
    listen ${LOOPBACK}:${port};
    server_name ${host};
    ${vhost}
    ${override ?? paths.map(({ path, destination }) => `location ${path} { proxy_pass http://${host}${destination}; ${location}\n}`).join('\n    ')}
  }`
}

function formatConfig(folder: string, { files }: { files: readonly VhostFiles[] }): string {
  const included = files.map((file) => `  include ${hostFile(folder, file)};`)
  return `${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections 1024; }
http {
  access_log off;
  default_type application/octet-stream;
  types { text/html html; text/plain txt; }
  server_names_hash_bucket_size 128;
  server_names_hash_max_size 16384;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  proxy_http_version 1.1;
  proxy_buffering off;
  proxy_set_header Host $http_host;
  proxy_set_header Connection '';
  proxy_set_header X-Real-IP $remote_addr;
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Host $http_host;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Forwarded-Ssl off;
  proxy_set_header X-Forwarded-Port $server_port;
  proxy_set_header X-Original-URI $request_uri;
  proxy_set_header Proxy "";
${included.join('\n')}
}
`
}
