import type { Logger } from 'pino'
import type { CertificateStatus as AcmeStatus } from '../../certificates/acme/certificate-status.ts'
import {
  type CertificateFolders,
  certificateFolders,
  searchedFolders,
} from '../../certificates/folder/certificate-folders.ts'
import { CertificateStore } from '../../certificates/folder/certificate-store.ts'
import type { Config } from '../../config/config.ts'
import type { FrontDoorConfig } from '../../config/front-door.ts'
import { nginxFolder } from '../folders/nginx-folders.ts'
import { type Certificates, createCertificateSource } from './certificate-source.ts'
import { type Authority, limitAuthority, NO_AUTHORITY, openAuthority } from './open-authority.ts'
import type { TlsPairWatch } from './tls-pair-watch.ts'

/** Dependencies of a front door's certificates. */
interface CertificatesContext {
  readonly config: Config
  readonly door: FrontDoorConfig
  readonly tls: TlsPairWatch | undefined
  readonly logger: Logger
  readonly resources: AsyncDisposableStack
  /** Called when other certificates are to be served. */
  readonly onChange: () => void
  /** States of the certificates ordered from CAs. */
  readonly acmeStatus: () => readonly AcmeStatus[]
}

/** The certificates of a front door, and their folders. */
interface OpenCertificates {
  readonly folders: CertificateFolders
  readonly store: CertificateStore
  readonly source: Certificates
}

/** Reads the folders, watches them, and opens Berth's own CA. Errors: `CertificateError`. */
export async function openCertificates(context: CertificatesContext): Promise<OpenCertificates> {
  const { config, door, tls, logger, resources, onChange, acmeStatus } = context
  const folders = certificateFolders(config.dataDir, door.certsDir ?? nginxFolder('certs'))
  const store = resources.use(
    await CertificateStore.open({ ...searchedFolders(folders), log: logger, onChange }),
  )
  const source = createCertificateSource({
    store,
    authority: await openLocalAuthority(context, folders.authority),
    given: tls && { pair: tls, names: door.domains },
    acmeStatus,
  })
  return { folders, store, source }
}

/** Berth's own CA, limited to the names of the settings. */
async function openLocalAuthority({ door, logger }: CertificatesContext, folder: string): Promise<Authority> {
  if (door.localCa === 'off') return NO_AUTHORITY
  const authority = await openAuthority({ folder, names: door.domains }, logger)
  return door.localCa === 'all' ? authority : limitAuthority(authority, door.domains)
}
