import type { Environment } from './layer.ts'

interface ForeignVariable {
  /** True if a value requests something that Berth does not do. */
  readonly matters: (value: string) => boolean
  /** The replacement, or what Berth does: the end of a sentence. */
  readonly instead: string
}

const always = (): boolean => true
const isTrue = (value: string): boolean => /^(?:1|t|true)$/i.test(value)
const isFalse = (value: string): boolean => /^(?:0|f|false)$/i.test(value)
const foreign = (instead: string, matters: ForeignVariable['matters'] = always): ForeignVariable => ({
  matters,
  instead,
})

const HOOKS = foreign('no program is run around a renewal')
const RENEWAL = foreign('certificates are renewed when the CA says so, or in the last third of their life')

/**
 * Variables that nginx-proxy and acme-companion read in the proxy's own environment, that have no setting here, and
 * whose absence an operator could notice. The full list is in docs/coming-from-nginx-proxy.md.
 */
export const FOREIGN_VARIABLES: Readonly<Record<string, ForeignVariable>> = {
  ENABLE_HTTP2: foreign(
    'set the label http2.enable=false of a container, or http2: false of a site',
    isFalse,
  ),
  ENABLE_HTTP3: foreign('HTTP/2 and HTTP/1.1 are spoken', isTrue),
  TRUST_DOWNSTREAM_PROXY: foreign('name the addresses of your proxies with trusted-proxies', isTrue),
  LOG_FORMAT: foreign('the formats are combined and json, see site-log-format'),
  DEFAULT_ROOT: foreign(
    'a path that no container has answers 404; put a location with another answer into the vhost file "default"',
    (value) => value !== '404' && value !== 'none',
  ),
  SHA1_UPSTREAM_NAME: foreign('vhost files name the servers of a host by the name of the host', isTrue),
  DEBUG_ENDPOINT: foreign('"berth site list --json" says how each host stands', isTrue),
  DOCKER_CONTAINER_FILTERS: foreign(
    'every container with VIRTUAL_HOST is served; take that variable from those that are not meant',
  ),
  CREATE_DEFAULT_CERTIFICATE: foreign(
    'handshakes for names without a certificate are refused unless default.crt and default.key are in the folder',
    isTrue,
  ),
  CA_BUNDLE: foreign('name the file with acme-directory-ca'),
  RENEW_PRIVATE_KEYS: foreign('each renewal makes a new key', isFalse),
  ACME_RENEW_AFTER: RENEWAL,
  DEFAULT_RENEW: RENEWAL,
  ACME_PRE_HOOK: HOOKS,
  ACME_POST_HOOK: HOOKS,
  ACMESH_DNS_API_CONFIG: foreign('set up DNS-01 with acme-dns-hook or acme-dns-server'),
  ZEROSSL_API_KEY: foreign('give acme-directory, acme-eab-key-id and acme-eab-hmac-key'),
}

/** A sentence for each variable that is set and has no effect here. Its value is not shown: it may be a secret. */
export function warnOfForeignVariables(env: Environment): string[] {
  return Object.entries(FOREIGN_VARIABLES).flatMap(([name, { matters, instead }]) => {
    const value = env[name]
    return value && matters(value) ? [`The variable ${name} of nginx-proxy has no effect: ${instead}`] : []
  })
}
