import { warn } from './compile-context.ts'
import { ANY, type DirectiveEntry, defineDirectives, MANY, SERVER } from './directive-entry.ts'

const OLD_PROTOCOLS = ['SSLv2', 'SSLv3', 'TLSv1', 'TLSv1.1']

/** Directives whose subject is set elsewhere here: accepted with a warning. */
const SET_ELSEWHERE: Readonly<Record<string, string>> = {
  ssl_certificate: 'certificates come from the certificate folder',
  ssl_certificate_key: 'keys come from the certificate folder',
  listen: 'addresses are those of listen-http and listen-https',
  server_name: 'the file name is the host',
  http2: 'on by itself, off by the label of the container',
  http3: 'HTTP/3 is not spoken',
  proxy_ssl_trusted_certificate: 'upstreams are checked against the certificate authorities of the system',
  proxy_ssl_verify_depth: 'chains may be of any length',
}
const TLS = [
  'ssl_ciphers ssl_prefer_server_ciphers ssl_trusted_certificate ssl_dhparam ssl_session_cache',
  'ssl_session_timeout ssl_session_tickets ssl_session_ticket_key ssl_stapling ssl_stapling_verify',
  'ssl_stapling_file ssl_stapling_responder ssl_ecdh_curve ssl_buffer_size ssl_early_data ssl_conf_command ssl',
].flatMap((line) => line.split(' '))

/** Directives about TLS, and what is set elsewhere than in vhost files. */
export const TLS_DIRECTIVES: readonly DirectiveEntry[] = [
  ...defineDirectives([
    {
      name: 'ssl_protocols',
      class: 'tls',
      support: 'part',
      args: ANY,
      contexts: SERVER,
      note: 'raises the least version; lowering it is for tls-policy',
      setting: ({ draft, context }, directive) => {
        const old = directive.args.filter((word) => OLD_PROTOCOLS.includes(word))
        if (old.length > 0) warn(context, directive, `${old.join(', ')} need "tls-policy Mozilla-Old"`)
        draft.tlsMinVersion = directive.args.every((word) => word === 'TLSv1.3') ? 'TLSv1.3' : 'TLSv1.2'
        return undefined
      },
    },
  ]),
  ...Object.entries(SET_ELSEWHERE).map(([name, note]) => setElsewhere(name, note)),
  ...TLS.map((name) => setElsewhere(name, 'TLS is set by tls-policy')),
]

function setElsewhere(name: string, note: string): DirectiveEntry {
  return { name, class: 'tls', support: 'no-op', args: [0, MANY], contexts: SERVER, note }
}
