import { checkFolders } from '../../certificates/check/check-folders.ts'
import { checkHost, type HostReport } from '../../certificates/check/check-host.ts'
import type { CertificateFinding } from '../../certificates/check/findings.ts'
import { readDockerRoots } from '../../certificates/check/trusted-roots.ts'
import { type CertificateFolders, certificateFolders } from '../../certificates/folder/certificate-folders.ts'
import { requireFolder } from '../../certificates/folder/require-folder.ts'
import { CertificateError } from '../../certificates/x509/certificate-error.ts'
import type { Config } from '../../config/config.ts'
import type { FrontDoorConfig } from '../../config/front-door.ts'
import { ANY_ADDRESS, LOOPBACK_ADDRESSES } from '../../config/listen-address.ts'
import { nginxFolder } from '../folders/nginx-folders.ts'
import { type Finding, failed, ok, skipped, warning } from './finding.ts'

/** The chain of each of the registry's hosts, checked as Docker's client does; the files if no host answers. */
export async function checkCertificates(config: Config, door: FrontDoorConfig): Promise<Finding[]> {
  const folders = certificateFolders(config.dataDir, door.certsDir ?? nginxFolder('certs'))
  const { listenHttps } = config
  if (!listenHttps || listenHttps.path !== undefined) {
    return [skipped('certificate', 'No address for TLS is set')]
  }
  const reports = await Promise.all(
    door.domains.map(async (host) => ({ host, answer: await checkServed(host, listenHttps, folders) })),
  )
  const live = reports.flatMap(({ host, answer }) => describeAnswer(host, answer, door))
  return live.length > 0 ? live : await checkFiles(folders, { door, port: listenHttps.port })
}

/** Findings about a served host; an error if TLS fails; undefined without an answer. */
async function checkServed(
  host: string,
  { host: listenHost, port }: { readonly host: string; readonly port: number },
  folders: CertificateFolders,
): Promise<HostReport | CertificateError | undefined> {
  // By its name, as clients connect. That may lead to another machine, or be unreachable from within, so by its
  // address, too.
  const own = listenHost === ANY_ADDRESS ? LOOPBACK_ADDRESSES : [listenHost]
  let refusal: CertificateError | undefined
  for (const connectTo of [undefined, ...own]) {
    try {
      return await checkHost({ host, port, connectTo }, folders, [])
    } catch (error) {
      if (!(error instanceof CertificateError)) throw error
      if (/refuses the name/.test(error.message)) refusal = error
    }
  }
  return refusal
}

function describeAnswer(
  host: string,
  answer: Awaited<ReturnType<typeof checkServed>>,
  door: FrontDoorConfig,
): Finding[] {
  if (answer === undefined) return []
  if (!(answer instanceof CertificateError))
    return toFindings(`${host} as it is served`, answer.isAccepted, answer.findings)
  const remedy = ordersFromCa(door)
    ? '"berth cert list" shows what the CA said last; or put one in place with "berth cert install"'
    : `Put one in place with "berth cert install ${host} FILES…", or let Berth ask a CA (acme)`
  return [failed('certificate', `There is no certificate for ${host} yet: TLS is refused`, remedy)]
}

async function checkFiles(
  folders: CertificateFolders,
  { door, port }: { door: FrontDoorConfig; port: number },
): Promise<Finding[]> {
  try {
    await requireFolder(folders.installed, door.certsDir === undefined)
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error
    return [failed('certificate', error.message, error.remedy)]
  }
  const roots = await Promise.all(door.domains.map((host) => readDockerRoots({ host, port })))
  const pairs = await checkFolders(folders, roots.flat())
  if (pairs.length > 0)
    return pairs.flatMap(({ target, isAccepted, findings }) => toFindings(target, isAccepted, findings))
  const where = `Nobody answers, and ${folders.installed} holds no certificate`
  if (ordersFromCa(door))
    return [
      ok('certificate', `${where}: the first start orders one from ${new URL(door.acme.directory).host}`),
    ]
  return [
    warning(
      'certificate',
      where,
      `Put one in place with "berth cert install ${door.domains[0] ?? 'HOST'} FILES…", or let Berth ask a CA (acme)`,
    ),
  ]
}

function ordersFromCa({ acme }: FrontDoorConfig): boolean {
  return acme.scope !== 'off'
}

function toFindings(target: string, isAccepted: boolean, findings: readonly CertificateFinding[]): Finding[] {
  const faults = findings
    .filter(({ severity }) => severity !== 'info')
    .map(({ severity, sentence, remedy }) =>
      (severity === 'error' ? failed : warning)('certificate', `${target}: ${sentence}`, remedy),
    )
  if (faults.length > 0) return faults
  return isAccepted
    ? [ok('certificate', `${target}: Docker accepts it`)]
    : [
        warning(
          'certificate',
          `${target}: Docker accepts it only where its root was made known`,
          'See docs/certificates.md, "Berth\'s own CA"',
        ),
      ]
}
