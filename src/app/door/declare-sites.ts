import type { FrontDoorConfig } from '../../config/front-door.ts'
import type { SiteConfig, SitePathConfig } from '../../config/site.ts'
import type { AcmeWish, PathDeclaration, SiteDeclaration } from '../../front-door/sites/site-declaration.ts'

/** Default of the idle connections kept to each server of a site. */
const KEEP_ALIVE = 32

/** The registry's own hosts, then those of berth.yaml. */
export function declareSites(door: FrontDoorConfig): SiteDeclaration[] {
  return [
    ...door.domains.map((domain) => declareRegistry(domain, door)),
    ...door.sites.map((site) => declareSite(site, door)),
  ]
}

/** A wish without settings of its own. */
export function plainWish(hosts: readonly string[]): AcmeWish {
  return {
    hosts,
    email: undefined,
    directory: undefined,
    eab: undefined,
    profile: undefined,
    preferredChain: undefined,
    keyType: undefined,
    isTest: false,
    challenge: undefined,
  }
}

function declareRegistry(domain: string, door: FrontDoorConfig): SiteDeclaration {
  return {
    ...toDefaults(door),
    ...declareRegistryScheme(door),
    host: domain,
    source: { kind: 'registry' },
    // Docker speaks HTTP/1.1 to registries, and one connection carries a layer faster so.
    http2: false,
    isDefault: door.defaultHost === domain,
    paths: [{ path: '/', destination: '', target: { kind: 'registry' } }],
    acme: plainWish([domain]),
  }
}

/** `https-method` is often set for sites: it must not make the registry's passwords cross a network in the clear. */
function declareRegistryScheme({
  httpsMethod,
  registryHttpsMethod,
}: FrontDoorConfig): Pick<SiteDeclaration, 'httpsMethod' | 'warnings'> {
  if (registryHttpsMethod === httpsMethod) return { httpsMethod, warnings: [] }
  const warning = `https-method ${httpsMethod} does not hold for the registry, whose passwords would cross the network in the clear: it redirects to TLS. Give insecure-http as well if something before it does TLS`
  return { httpsMethod: registryHttpsMethod, warnings: [warning] }
}

function declareSite(site: SiteConfig, door: FrontDoorConfig): SiteDeclaration {
  return {
    ...toDefaults(door),
    host: site.host,
    source: { kind: 'config', file: 'berth.yaml' },
    httpsMethod: site.https ?? door.httpsMethod,
    hsts: site.hsts === undefined ? door.hsts : site.hsts === 'off' ? undefined : site.hsts,
    certificateName: site.certificate,
    isDefaultTrusted: site.isDefaultTrusted ?? door.isDefaultTrusted,
    httpWithoutCert: site.httpWithoutCert ?? door.httpWithoutCert,
    clientCertificates: site.clientCertificates,
    networkAccess: site.access,
    tlsPolicy: site.tlsPolicy,
    http2: site.http2,
    isDefault: door.defaultHost === site.host,
    paths: site.paths.map((path) => declarePath(site.host, path)),
    acme: site.acme ? plainWish([site.host]) : undefined,
  }
}

function toDefaults(
  door: FrontDoorConfig,
): Omit<SiteDeclaration, 'host' | 'source' | 'http2' | 'isDefault' | 'paths' | 'acme'> {
  return {
    httpsMethod: door.httpsMethod,
    hsts: door.hsts,
    nonGetRedirect: door.nonGetRedirect,
    certificateName: undefined,
    isDefaultTrusted: door.isDefaultTrusted,
    httpWithoutCert: door.httpWithoutCert,
    clientCertificates: undefined,
    networkAccess: 'external',
    tlsPolicy: undefined,
    externalHttpPort: undefined,
    externalHttpsPort: undefined,
    warnings: [],
  }
}

function declarePath(host: string, path: SitePathConfig): PathDeclaration {
  const destination = path.destination ?? ''
  if (path.files !== undefined) {
    return { path: path.path, destination, target: { kind: 'files', root: path.files } }
  }
  const [first] = path.upstreams
  return {
    path: path.path,
    destination,
    target: {
      kind: 'upstream',
      upstream: {
        name: `${host} ${path.path}`,
        protocol: first?.protocol ?? 'http',
        servers: path.upstreams.map((server) => ({
          host: server.host,
          port: server.port,
          name: `${server.host}:${server.port}`,
          health: 'unknown',
          problem: undefined,
        })),
        balance: path.balance,
        keepAlive: KEEP_ALIVE,
      },
    },
  }
}
