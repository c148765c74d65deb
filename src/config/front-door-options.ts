import path from 'node:path'
import { ACME_SCOPES, CHALLENGES, HTTPS_METHODS, KEY_TYPES, TLS_POLICIES } from './front-door.ts'
import type { Option } from './options.ts'
import { resolveSiteFiles, type SiteConfig, sites } from './sites.ts'
import {
  dockerHost,
  flag,
  header,
  hostNames,
  hostPattern,
  httpsUrl,
  networks,
  text,
  wholeNumber,
  word,
} from './values.ts'

/** The settings of virtual hosts and certificates. */
export const FRONT_DOOR_OPTIONS = {
  domain: {
    value: 'HOST',
    help: "the registry's own name; may be given several times; turns the front door on",
    otherwise: 'none',
    parse: hostNames,
    isList: true,
    replaces: 'VIRTUAL_HOST',
  },
  certs: {
    value: 'DIR',
    help: 'folder of certificates: <host>.crt and <host>.key',
    otherwise: '/etc/nginx/certs if it exists',
    parse: text,
    isPath: true,
  },
  'vhost-dir': {
    value: 'DIR',
    help: 'folder of vhost files: <host>, default, <host>_location',
    otherwise: '/etc/nginx/vhost.d if it exists',
    parse: text,
    isPath: true,
  },
  'htpasswd-dir': {
    value: 'DIR',
    help: 'folder of password files; vhost files reach it as /etc/nginx/htpasswd and /etc/nginx/passwords',
    otherwise: '/etc/nginx/htpasswd and /etc/nginx/passwords if they exist',
    parse: text,
    isPath: true,
  },
  'docker-host': {
    value: 'URL',
    help: 'Docker engine whose containers become hosts: unix:///path, tcp://host:port, auto or off',
    default: 'auto',
    otherwise: 'auto: /var/run/docker.sock or /tmp/docker.sock if one exists',
    parse: dockerHost,
    replaces: 'DOCKER_HOST',
  },
  'prefer-ipv6': {
    help: "use a container's IPv6 address where it has one",
    default: 'false',
    parse: flag,
    replaces: 'PREFER_IPV6_NETWORK',
  },
  'default-host': {
    value: 'HOST',
    help: 'host that answers requests for unknown names',
    otherwise: 'none: 503',
    parse: hostPattern,
    replaces: 'DEFAULT_HOST',
  },
  'https-method': {
    value: 'METHOD',
    help: 'redirect, noredirect, nohttp or nohttps, for hosts that do not say it themselves',
    default: 'redirect',
    parse: word(HTTPS_METHODS),
    replaces: 'HTTPS_METHOD',
  },
  hsts: {
    value: 'VALUE',
    help: 'Strict-Transport-Security of hosts that do not say it themselves, or off',
    default: 'max-age=31536000',
    parse: header,
    replaces: 'HSTS',
  },
  'trust-default-cert': {
    value: 'BOOL',
    help: 'serve hosts without a certificate of their own with default.crt, where they do not say it themselves',
    default: 'true',
    parse: flag,
    replaces: 'TRUST_DEFAULT_CERT',
  },
  'tls-policy': {
    value: 'NAME',
    help: 'Mozilla-Modern, Mozilla-Intermediate or Mozilla-Old',
    default: 'Mozilla-Intermediate',
    parse: word(TLS_POLICIES),
    replaces: 'SSL_POLICY',
  },
  'external-http-port': {
    value: 'PORT',
    help: 'port that visitors use for plain HTTP, where it is not the one listened on: applications are told it',
    otherwise: 'that of listen-http',
    parse: wholeNumber(1, 65_535),
    replaces: 'EXTERNAL_HTTP_PORT',
  },
  'external-https-port': {
    value: 'PORT',
    help: 'port that visitors use for TLS, where it is not the one listened on: redirects lead there, and applications are told it',
    otherwise: 'that of listen-https',
    parse: wholeNumber(1, 65_535),
    replaces: 'EXTERNAL_HTTPS_PORT',
  },
  'proxy-protocol-from': {
    value: 'LIST',
    help: 'addresses and networks that begin connections with a PROXY header',
    default: '',
    otherwise: 'none',
    parse: networks,
  },
  'site-log': {
    value: 'TARGET',
    help: 'access log of the virtual hosts: off, stdout, a file, or a folder for a file of each host',
    default: 'off',
    parse: text,
    resolvePaths: (target, baseDir) =>
      target === 'off' || target === 'stdout' ? target : resolveKeepingSlash(baseDir, String(target)),
  },
  'site-log-format': {
    value: 'FORMAT',
    help: 'combined (with the host before it) or json',
    default: 'combined',
    parse: word(['combined', 'json']),
  },
  acme: {
    value: 'SCOPE',
    help: 'ask a CA for certificates: all (public hosts that have none), asked (own names, and where asked for) or off',
    default: 'all',
    parse: word(ACME_SCOPES),
  },
  'acme-email': {
    value: 'MAIL',
    help: 'address the CA may write to',
    otherwise: 'none',
    parse: text,
    replaces: 'DEFAULT_EMAIL',
  },
  'acme-directory': {
    value: 'URL',
    help: 'directory of the CA',
    default: 'https://acme-v02.api.letsencrypt.org/directory',
    parse: httpsUrl,
    replaces: 'ACME_CA_URI',
  },
  'acme-directory-ca': {
    value: 'FILE',
    help: 'certificates to trust the directory by, PEM: for a CA of your own',
    otherwise: 'the usual ones',
    parse: text,
    isPath: true,
  },
  'acme-eab-key-id': {
    value: 'ID',
    help: 'external account binding: id of the key',
    otherwise: 'none',
    parse: text,
    replaces: 'ACME_EAB_KID',
  },
  'acme-eab-hmac-key': {
    value: 'KEY',
    help: 'external account binding: the key, base64url',
    otherwise: 'none',
    parse: text,
    secret: true,
    replaces: 'ACME_EAB_HMAC_KEY',
  },
  'acme-profile': {
    value: 'NAME',
    help: 'profile of the CA, such as shortlived',
    otherwise: "the CA's own choice",
    parse: text,
    replaces: 'ACME_CERT_PROFILE',
  },
  'acme-key-type': {
    value: 'TYPE',
    help: 'ec-256, ec-384, rsa-2048, rsa-3072 or rsa-4096',
    default: 'ec-256',
    parse: word(KEY_TYPES),
  },
  'acme-challenge': {
    value: 'TYPE',
    help: 'http-01, tls-alpn-01 or dns-01',
    otherwise: 'http-01; dns-01 for wildcards where it is set up',
    parse: word(CHALLENGES),
  },
  'acme-dns-hook': {
    value: 'FILE',
    help: 'program that sets and removes DNS records for dns-01',
    otherwise: 'none',
    parse: text,
    isPath: true,
  },
  'acme-dns-server': {
    value: 'HOST',
    help: 'name server that takes dynamic updates (RFC 2136) for dns-01: host or host:port',
    otherwise: 'none',
    parse: text,
  },
  'acme-dns-key': {
    value: 'KEY',
    help: 'TSIG key for these updates: name:algorithm:secret, the secret in base64',
    otherwise: 'none',
    parse: text,
    secret: true,
  },
  sites: {
    value: 'MAP',
    help: 'hosts and what answers there; only in berth.yaml, see docs/front-door.md',
    otherwise: 'none',
    parse: sites,
    isFileOnly: true,
    resolvePaths: (value, baseDir) => resolveSiteFiles(value as readonly SiteConfig[], baseDir),
  },
} as const satisfies Record<string, Option>

/** The slash says that a folder is meant, even if there is none yet. */
function resolveKeepingSlash(baseDir: string, target: string): string {
  return `${path.resolve(baseDir, target)}${target.endsWith('/') ? '/' : ''}`
}
