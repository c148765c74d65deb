import { join } from 'node:path'
import { pino } from 'pino'
import {
  CertificateManager,
  type CertificateManagerOptions,
} from '../../../src/certificates/acme/certificate-manager.ts'
import type { CertificateStatus } from '../../../src/certificates/acme/certificate-status.ts'
import type { AcmeDefaults, AcmeWish } from '../../../src/certificates/acme/plan/acme-wish.ts'
import { findFreePort } from '../machine/free-port.ts'
import { makeTempFolder } from '../machine/temp-folder.ts'
import { MemoryCertificateKeeper } from './memory-certificate-keeper.ts'

/** A manager with its dependencies, on a temporary folder. */
export interface AcmeRoom extends AsyncDisposable {
  readonly folder: string
  readonly keeper: MemoryCertificateKeeper
  /** Lines of the log, parsed. */
  readonly log: Record<string, unknown>[]
  readonly clock: { now: number }
  readonly manager: CertificateManager
  /** Ends the manager and starts another on the same folder. */
  restart(defaults?: Partial<AcmeDefaults>): Promise<CertificateManager>
}

/** A wish for names, all else by default. */
export function wishFor(hosts: readonly string[], more: Partial<AcmeWish> = {}): AcmeWish {
  return {
    ...{ hosts, email: undefined, directory: undefined, eab: undefined, profile: undefined },
    ...{ preferredChain: undefined, keyType: undefined, isTest: false, challenge: undefined },
    ...more,
  }
}

/** Takes a wish in and does all that is due. @returns its status. */
export async function settle(room: AcmeRoom, ...wishes: readonly AcmeWish[]): Promise<CertificateStatus> {
  await room.manager.setWishes(wishes)
  await room.manager.check()
  const [status] = room.manager.status()
  if (status === undefined) throw new Error('no wish was taken in')
  return status
}

/** Makes a room for a CA. The clock changes only by a test's hand; the DNS server never answers. */
export async function makeAcmeRoom(
  defaults: AcmeDefaults,
  more: Partial<CertificateManagerOptions> = {},
): Promise<AcmeRoom> {
  const temp = await makeTempFolder('acme')
  const silentDns = [{ address: '127.0.0.1', port: await findFreePort() }]
  const log: Record<string, unknown>[] = []
  const logger = pino({ level: 'debug' }, { write: (line: string) => log.push(JSON.parse(line)) })
  const clock = { now: Date.now() }
  const keeper = new MemoryCertificateKeeper()
  const folder = join(temp.path, 'certificates', 'acme')
  const open = (changed: Partial<AcmeDefaults> = {}): CertificateManager =>
    new CertificateManager({
      ...{ folder, keeper, logger, userAgent: 'Berth-test/1' },
      ...{ defaults: { ...defaults, ...changed }, clock: () => clock.now, random: () => 0 },
      ...{ dnsServers: silentDns, ...more },
    })
  let manager = open()
  return {
    ...{ folder, keeper, log, clock },
    get manager() {
      return manager
    },
    async restart(changed) {
      await manager[Symbol.asyncDispose]()
      manager = open(changed)
      return manager
    },
    async [Symbol.asyncDispose]() {
      await manager[Symbol.asyncDispose]()
      await temp[Symbol.asyncDispose]()
    },
  }
}
