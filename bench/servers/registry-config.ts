/** Parameters of a configuration of Debian's docker-registry. */
interface RegistrySettings {
  readonly root: string
  readonly port: number
  readonly tls?: { readonly certFile: string; readonly keyFile: string } | undefined
  readonly htpasswdFile?: string | undefined
}

/** Distribution's configuration: Debian's own file, with our paths in it. */
export function formatRegistryConfig({ root, port, tls, htpasswdFile }: RegistrySettings): string {
  const config = {
    version: 0.1,
    log: { fields: { service: 'registry' } },
    storage: {
      cache: { blobdescriptor: 'inmemory' },
      filesystem: { rootdirectory: root },
      delete: { enabled: true },
    },
    http: {
      addr: `127.0.0.1:${port}`,
      secret: 'only for the benchmark',
      relativeurls: true,
      headers: { 'X-Content-Type-Options': ['nosniff'] },
      ...(tls && { tls: { certificate: tls.certFile, key: tls.keyFile } }),
    },
    ...(htpasswdFile && { auth: { htpasswd: { realm: 'bench', path: htpasswdFile } } }),
    health: { storagedriver: { enabled: true, interval: '10s', threshold: 3 } },
  }
  // JSON is YAML.
  return JSON.stringify(config, undefined, 2)
}

/** Parameters of a configuration of nginx. */
export interface NginxSettings {
  readonly folder: string
  readonly port: number
  readonly tls: { readonly certFile: string; readonly keyFile: string }
  /** Source of `location /`: a root folder of files, or an upstream server. */
  readonly serve: { readonly files: string } | { readonly upstreamPort: number }
}

/** nginx as Debian sets it up, and as nginx-proxy configures it for a registry by default. */
export function formatNginxConfig({ folder, port, tls, serve }: NginxSettings): string {
  const location =
    'files' in serve
      ? `root ${serve.files};`
      : `proxy_pass http://registry;
         proxy_http_version 1.1;
         proxy_buffering off;
         proxy_set_header Connection "";
         proxy_set_header Host $http_host;
         proxy_set_header X-Forwarded-Proto $scheme;`
  const upstream =
    'files' in serve ? '' : `upstream registry { server 127.0.0.1:${serve.upstreamPort}; keepalive 32; }`
  return `${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes auto;
daemon off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections 768; }
http {
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  access_log ${folder}/access.log;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  ssl_protocols TLSv1.2 TLSv1.3;
  ${upstream}
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${tls.certFile};
    ssl_certificate_key ${tls.keyFile};
    client_max_body_size 0;
    location / { ${location} }
  }
}
`
}
