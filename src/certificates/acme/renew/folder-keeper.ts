import type { CertificateStore, ListedCertificate } from '../../folder/certificate-store.ts'
import { installPair } from '../../install/install-pair.ts'
import { type CertificateNames, coversHost } from '../../x509/x509-facts.ts'
import { renewalInfoId } from '../client/renewal-info.ts'
import type { CertificateKeeper, ManagedCertificate } from './certificate-keeper.ts'

/**
 * Keeps certificates of CAs in a folder that is Berth's alone, one of those the store serves from. All other folders
 * are the operator's: nothing is written there.
 * @param folder `<data>/certificates/pairs`, as given to the store; it is the last there, so that an operator's pair
 * wins.
 */
export function createFolderKeeper(store: CertificateStore, folder: string): CertificateKeeper {
  // Remembered: the ids of thousands of pairs need not be computed at every check.
  const ids = new Map<string, string | undefined>()
  return {
    list() {
      const usable = store.list().flatMap((listed) => {
        const { pair, isTest } = listed
        // A staging side in acme-companion's layout: clients do not trust its certificates.
        if (pair === undefined || isTest) return []
        if (!ids.has(pair.fingerprint)) ids.set(pair.fingerprint, renewalInfoId(pair.chainPem))
        const { notBefore, notAfter, fingerprint } = pair
        const names = pair.isSelfSigned ? ownName(listed) : pair.names
        const origin = listed.folder === folder ? 'acme' : 'operator'
        const certificate: ManagedCertificate = {
          ...{ name: listed.name, names, notBefore, notAfter, ariId: ids.get(fingerprint), origin },
        }
        return [{ fingerprint, certificate }]
      })
      const seen = new Set(usable.map(({ fingerprint }) => fingerprint))
      for (const fingerprint of ids.keys()) if (!seen.has(fingerprint)) ids.delete(fingerprint)
      return usable.map(({ certificate }) => certificate)
    },
    async install(name, pair) {
      await installPair(folder, name, pair)
      await store.refresh()
    },
  }
}

/** A self-signed pair counts for the host its files are named after only, not for its other names. */
function ownName({ name, isNamed, pair }: ListedCertificate): CertificateNames {
  const isOwn = isNamed && pair !== undefined && coversHost(pair.names, name)
  return { dns: isOwn ? [name] : [], addresses: [] }
}
