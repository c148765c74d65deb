import path from 'node:path'
import { LOCAL_CA_SCOPES } from '../front-door.ts'
import { HTTPS_METHODS, type SiteConfig, TLS_POLICIES } from '../site.ts'
import { resolveSiteFiles, sites } from '../values/sites.ts'
import {
  dockerHost,
  flag,
  header,
  hostNames,
  hostPattern,
  networks,
  redirectStatus,
  text,
  wholeNumber,
  word,
} from '../values/values.ts'
import { ACME_OPTIONS } from './acme-options.ts'
import type { Option } from './option.ts'

/** Every address, for nginx-proxy's switch that names none. */
export const ANY_PROXY = '0.0.0.0/0,::/0'
/** Values of nginx-proxy's switches. */
const SWITCHED: Readonly<
  Record<string, { readonly proxies: string; readonly proxyHeader: string; readonly logFormat: string }>
> = {
  true: { proxies: ANY_PROXY, proxyHeader: 'required', logFormat: 'json' },
  false: { proxies: '', proxyHeader: 'optional', logFormat: 'combined' },
}

/** The settings of virtual hosts and certificates. */
export const FRONT_DOOR_OPTIONS = {
  domain: {
    value: 'HOST',
    help: "the registry's own name; may be given several times; turns the front door on",
    example: 'registry.example.com',
    otherwise: 'none',
    parse: hostNames,
    isList: true,
    replaces: 'VIRTUAL_HOST',
  },
  certs: {
    value: 'DIR',
    help: 'folder of certificates: <host>.crt and <host>.key',
    example: '/etc/berth/certs',
    otherwise: '/etc/nginx/certs if it exists',
    parse: text,
    isPath: true,
  },
  'vhost-dir': {
    value: 'DIR',
    help: 'folder of vhost files: <host>, default, <host>_location',
    example: '/etc/berth/vhost.d',
    otherwise: '/etc/nginx/vhost.d if it exists',
    parse: text,
    isPath: true,
  },
  'htpasswd-dir': {
    value: 'DIR',
    help: 'folder of password files; vhost files reach it as /etc/nginx/htpasswd and /etc/nginx/passwords',
    example: '/etc/berth/passwords',
    otherwise: '/etc/nginx/htpasswd and /etc/nginx/passwords if they exist',
    parse: text,
    isPath: true,
  },
  'docker-host': {
    value: 'URL',
    help: 'Docker engine whose containers become hosts, and whose images are kept: unix:///path, tcp://host:port, auto or off',
    example: 'unix:///run/podman/podman.sock',
    default: 'auto',
    otherwise: 'auto: /var/run/docker.sock or /tmp/docker.sock if one exists',
    parse: dockerHost,
    replaces: 'DOCKER_HOST',
  },
  'prefer-ipv6': {
    value: 'BOOL',
    help: "use a container's IPv6 address where it has one",
    example: 'true',
    default: 'false',
    parse: flag,
    replaces: 'PREFER_IPV6_NETWORK',
  },
  'default-host': {
    value: 'HOST',
    help: 'host that answers requests for unknown names',
    example: 'www.example.com',
    otherwise: 'none: 503',
    parse: hostPattern,
    replaces: 'DEFAULT_HOST',
  },
  'https-method': {
    value: 'METHOD',
    help: 'redirect, noredirect, nohttp or nohttps, for hosts without a value of their own',
    example: 'noredirect',
    default: 'redirect',
    parse: word(HTTPS_METHODS),
    replaces: 'HTTPS_METHOD',
  },
  'non-get-redirect': {
    value: 'STATUS',
    help: 'status of the redirect to TLS for methods other than GET and HEAD, for sites without a value of their own: 301, 302, 307 or 308',
    example: '307',
    default: '308',
    parse: redirectStatus,
    replaces: 'NON_GET_REDIRECT',
  },
  hsts: {
    value: 'VALUE',
    help: 'Strict-Transport-Security of hosts without a value of their own, or off',
    example: 'max-age=63072000; includeSubDomains',
    default: 'max-age=31536000',
    parse: header,
    replaces: 'HSTS',
  },
  'trust-default-cert': {
    value: 'BOOL',
    help: 'serve hosts without a certificate of their own with default.crt, unless the host sets it otherwise',
    example: 'false',
    default: 'true',
    parse: flag,
    replaces: 'TRUST_DEFAULT_CERT',
  },
  'http-without-cert': {
    value: 'BOOL',
    help: 'serve sites that have no certificate by plain HTTP, unless the site sets it otherwise; false: they redirect to TLS as if they had one',
    example: 'false',
    default: 'true',
    parse: flag,
    replaces: 'ENABLE_HTTP_ON_MISSING_CERT',
  },
  'local-ca': {
    value: 'SCOPE',
    help: "local names that have no certificate get one of Berth's own CA: all, registry (its own names only) or off",
    example: 'off',
    otherwise: 'all; registry with acme off',
    parse: word(LOCAL_CA_SCOPES),
  },
  'tls-policy': {
    value: 'NAME',
    help: 'Mozilla-Modern, Mozilla-Intermediate or Mozilla-Old',
    example: 'Mozilla-Modern',
    default: 'Mozilla-Intermediate',
    parse: word(TLS_POLICIES),
    replaces: 'SSL_POLICY',
  },
  'external-http-port': {
    value: 'PORT',
    help: 'port that visitors use for plain HTTP, if it differs from that of listen-http: passed on to applications',
    example: '8080',
    otherwise: 'that of listen-http',
    parse: wholeNumber(1, 65_535),
    replaces: 'EXTERNAL_HTTP_PORT',
  },
  'external-https-port': {
    value: 'PORT',
    help: 'port that visitors use for TLS, if it differs from that of listen-https: used in redirects, and passed on to applications',
    example: '8443',
    otherwise: 'that of listen-https',
    parse: wholeNumber(1, 65_535),
    replaces: 'EXTERNAL_HTTPS_PORT',
  },
  'proxy-protocol': {
    value: 'WORD',
    help: 'whether addresses of proxy-protocol-from must begin each connection with a PROXY header: optional or required',
    example: 'required',
    default: 'optional',
    parse: word(['optional', 'required']),
    replaces: 'ENABLE_PROXY_PROTOCOL',
    readReplaced: (value) => SWITCHED[value.toLowerCase()]?.proxyHeader,
  },
  'serve-dotfiles': {
    value: 'BOOL',
    help: 'serve files and folders of sites whose names begin with a dot; .well-known is served anyway',
    example: 'true',
    default: 'false',
    parse: flag,
  },
  'serve-symlinks': {
    value: 'BOOL',
    help: 'follow symbolic links that lead out of the folder of a site',
    example: 'true',
    default: 'false',
    parse: flag,
  },
  'proxy-protocol-from': {
    value: 'LIST',
    help: 'addresses and networks that begin connections with a PROXY header',
    example: '[10.0.0.2]',
    default: '',
    otherwise: 'none',
    parse: networks,
    replaces: 'ENABLE_PROXY_PROTOCOL',
    readReplaced: (value) => SWITCHED[value.toLowerCase()]?.proxies,
  },
  'site-log': {
    value: 'TARGET',
    help: 'access log of the virtual hosts: off, stdout, a file, or a folder for a file of each host',
    example: '/var/log/berth/',
    default: 'off',
    parse: text,
    resolvePaths: (target, baseDir) =>
      target === 'off' || target === 'stdout' ? target : resolveKeepingSlash(baseDir, String(target)),
  },
  'site-log-format': {
    value: 'FORMAT',
    help: 'combined (with the host before it) or json',
    example: 'json',
    default: 'combined',
    parse: word(['combined', 'json']),
    replaces: 'LOG_JSON',
    readReplaced: (value) => SWITCHED[value.toLowerCase()]?.logFormat,
  },
  ...ACME_OPTIONS,
  sites: {
    value: 'MAP',
    help: 'hosts, and the servers or files behind them; only in berth.yaml, see docs/front-door.md',
    example: "{ wiki.example.com: { upstream: 'http://10.0.0.5:8080' } }",
    otherwise: 'none',
    parse: sites,
    isFileOnly: true,
    resolvePaths: (value, baseDir) => resolveSiteFiles(value as readonly SiteConfig[], baseDir),
  },
} as const satisfies Record<string, Option>

/** Keeps a final slash: it marks a folder, even if the folder does not exist yet. */
function resolveKeepingSlash(baseDir: string, target: string): string {
  return `${path.resolve(baseDir, target)}${target.endsWith('/') ? '/' : ''}`
}
