import { join } from 'node:path'

/** Folder of Berth's own certificates below the data folder. */
const CERTIFICATES = 'certificates'
/** File of Berth's own CA, in a folder of its own: certificate and key, so that either both are there or none. */
export const AUTHORITY_FILE = 'authority.pem'

/** Where certificates are, in the order in which they are looked for. */
export interface CertificateFolders {
  /** The operator's, which `berth cert install` writes to: `--certs`, or `installed` below the data folder. */
  readonly installed: string
  /** What CAs issued to Berth by ACME. */
  readonly issued: string
  /** What ACME keeps beside certificates. */
  readonly acme: string
  /** Berth's own CA. */
  readonly authority: string
}

/** The folders of a data folder; `certsDir` is the one that was given, or nginx-proxy's. */
export function certificateFolders(dataDir: string, certsDir: string | undefined): CertificateFolders {
  const own = (name: string): string => join(dataDir, CERTIFICATES, name)
  return {
    installed: certsDir ?? own('installed'),
    issued: own('pairs'),
    acme: own('acme'),
    authority: own('ca'),
  }
}

/** The folders a store looks into, first things first: what an operator put there counts more than what ACME did. */
export function searchedFolders({ installed, issued }: CertificateFolders): {
  readonly folders: readonly string[]
  readonly issued: string
} {
  return { folders: [installed, issued], issued }
}
