import type { Logger } from 'pino'
import type { CertificateManager } from '../../certificates/acme/certificate-manager.ts'
import type { AnswerRelay } from '../../certificates/acme/challenges/challenge-board.ts'
import type { CertificateFolders } from '../../certificates/folder/certificate-folders.ts'
import type { CertificateStore } from '../../certificates/folder/certificate-store.ts'
import type { Config } from '../../config/config.ts'
import type { AcmeConfig } from '../../config/front-door.ts'
import type { ChallengeSource } from '../../front-door/sites/ports.ts'

/** Orders at CAs; all off without ACME. */
export interface Acme extends AsyncDisposable, Pick<CertificateManager, 'setWishes' | 'status'> {
  readonly challenges: ChallengeSource
}

/** Dependencies of orders at CAs. */
interface AcmeContext {
  readonly config: Config
  readonly acme: AcmeConfig
  readonly folders: CertificateFolders
  readonly store: CertificateStore
  readonly logger: Logger
  readonly userAgent: string
  /** Passes open challenges on to other processes that listen. */
  readonly relay: AnswerRelay | undefined
}

/** Orders nothing. */
const OFF: Acme = {
  challenges: { httpAnswer: () => undefined, alpnContext: () => undefined },
  setWishes: async () => {},
  status: () => [],
  [Symbol.asyncDispose]: async () => {},
}

/**
 * Opens the manager of certificates from CAs, and accepts requests to renew them now. Its parts are loaded only if ACME
 * is on. Errors: `AcmeError` `ACME_DNS_FAILED`.
 */
export async function openAcme({
  config,
  acme,
  folders,
  store,
  logger,
  userAgent,
  relay,
}: AcmeContext): Promise<Acme> {
  if (acme.scope === 'off') return OFF
  const [{ CertificateManager: Manager }, { createFolderKeeper }, { takeRenewRequests }] = await Promise.all([
    import('../../certificates/acme/certificate-manager.ts'),
    import('../../certificates/acme/renew/folder-keeper.ts'),
    import('./renew-requests.ts'),
  ])
  const { directory, directoryCaFile, email, eab, profile, keyType, challenge, dnsHook, dnsServer, dnsKey } =
    acme
  const manager = new Manager({
    folder: folders.acme,
    keeper: createFolderKeeper(store, folders.issued),
    defaults: {
      directory,
      directoryCaFile,
      email,
      eab,
      profile,
      keyType,
      challenge,
      dnsHook,
      dnsServer,
      dnsKey,
    },
    logger,
    userAgent,
    relay,
    listens: { http: config.listenHttp !== undefined, tls: config.listenHttps !== undefined },
  })
  const requests = await takeRenewRequests(config.dataDir, { manager, logger })
  return {
    challenges: manager.challenges,
    setWishes: (wishes) => manager.setWishes(wishes),
    status: () => manager.status(),
    async [Symbol.asyncDispose]() {
      requests[Symbol.dispose]()
      await manager[Symbol.asyncDispose]()
    },
  }
}
