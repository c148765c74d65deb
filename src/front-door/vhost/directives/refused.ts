import { BOTH, type DirectiveEntry, MANY } from './directive-entry.ts'

/** Directives that decide who gets what and cannot be done, with the reason or the way to the same end. */
const REFUSED: Readonly<Record<string, string>> = {
  auth_jwt: 'tokens are not checked',
  auth_delay: 'it is not known how long',
  ssl_verify_client: 'put CAs into the folder of certificates instead, as HOST.ca.crt',
  ssl_client_certificate: 'put CAs into the folder of certificates instead, as HOST.ca.crt',
  ssl_verify_depth: 'put CAs into the folder of certificates instead, as HOST.ca.crt',
  ssl_crl: 'put CAs into the folder of certificates instead, as HOST.ca.crt',
  ssl_reject_handshake: 'hosts without a certificate are refused by themselves',
  secure_link: 'links are not checked',
  secure_link_secret: 'links are not checked',
  secure_link_md5: 'links are not checked',
  grpc_pass: 'VIRTUAL_PROTO=grpc does this',
  fastcgi_pass: 'only HTTP is spoken to upstreams',
  uwsgi_pass: 'only HTTP is spoken to upstreams',
  scgi_pass: 'only HTTP is spoken to upstreams',
  memcached_pass: 'only HTTP is spoken to upstreams',
  disable_symlinks: 'links out of the folder are not followed, unless serve-symlinks is on',
  proxy_method: 'requests keep their method',
  proxy_set_body: 'requests keep their body',
  proxy_pass_request_headers: 'requests keep their headers',
  proxy_pass_request_body: 'requests keep their body',
  sub_filter: 'answers are not changed',
  geo: 'variables are made by set',
  map: 'variables are made by set',
  split_clients: 'variables are made by set',
  valid_referers: 'compare $http_referer in an if',
  mirror: 'requests go to one upstream',
  dav_methods: 'files are only read',
  random_index: 'files are served by name',
  proxy_ssl_certificate: 'no certificate is shown to upstreams',
  proxy_ssl_certificate_key: 'no certificate is shown to upstreams',
}

/** Directives that close the host. */
export const REFUSED_DIRECTIVES: readonly DirectiveEntry[] = Object.entries(REFUSED).map(([name, note]) => ({
  name,
  class: name.startsWith('ssl_') || name.startsWith('auth_') ? 'access' : 'routing',
  support: 'refused',
  args: [0, MANY],
  contexts: BOTH,
  note,
}))
