import { lookup } from 'node:dns/promises'
import { networkInterfaces } from 'node:os'
import { classifyName } from '../../certificates/acme/plan/certificate-names.ts'
import { type Finding, failed, ok, reasonOf, warning } from './finding.ts'

/** Most names looked up at once: a name server answers a few hundred a second. */
const MAX_NAMES = 100

/**
 * Checks the addresses of this server's names. An address of another machine may be a router or balancer before this
 * one.
 */
export async function checkDns(names: readonly string[]): Promise<Finding[]> {
  const own = new Set(
    Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .map(({ address }) => address),
  )
  return Promise.all(names.slice(0, MAX_NAMES).map((name) => checkName(name, own)))
}

async function checkName(name: string, own: ReadonlySet<string>): Promise<Finding> {
  try {
    const addresses = (await lookup(name, { all: true })).map(({ address }) => address)
    const listed = addresses.join(', ')
    if (addresses.some((address) => own.has(address)))
      return ok('dns', `${name} leads to this machine (${listed})`)
    return warning(
      'dns',
      `${name} leads to ${listed}, which no network interface of this machine has`,
      'Fine if that is a router or balancer that passes ports 80 and 443 on to this machine; else mend the A and AAAA records',
    )
  } catch (error) {
    return failed(
      'dns',
      `${name} cannot be resolved (${reasonOf(error)})`,
      classifyName(name) === 'local'
        ? `It is a local name: give it an address in the DNS of your network, or in the hosts file of each client`
        : `Add an A record (and AAAA, with IPv6) for ${name} at your DNS provider; it can take an hour to be seen`,
    )
  }
}
