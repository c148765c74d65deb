import { certificateFolders } from '../../certificates/certificate-folders.ts'
import { checkFolders } from '../../certificates/check-folders.ts'
import { checkHost } from '../../certificates/check-host.ts'
import type { CertificateFinding } from '../../certificates/findings.ts'
import type { Config } from '../../config/config.ts'
import type { FrontDoorConfig } from '../../config/front-door.ts'
import { nginxFolder } from '../nginx-folders.ts'
import { type Finding, failed, ok, skipped, warning } from './finding.ts'

/** The chain of each of the registry's hosts, as Docker's client would see it; the files where no host answers. */
export async function checkCertificates(config: Config, door: FrontDoorConfig): Promise<Finding[]> {
  const folders = certificateFolders(config.dataDir, door.certsDir ?? nginxFolder('certs'))
  const { listenHttps } = config
  if (!listenHttps || listenHttps.path !== undefined) {
    return [skipped('certificate', 'No address for TLS is set')]
  }
  const reports = await Promise.all(
    door.domains.map(async (host) => {
      try {
        const { isAccepted, findings } = await checkHost(
          { host, port: listenHttps.port, connectTo: undefined },
          folders,
          [],
        )
        return toFindings(`${host} as it is served`, isAccepted, findings)
      } catch {
        // Nobody answers: what would be served is looked at instead.
        return undefined
      }
    }),
  )
  const live = reports.filter((report) => report !== undefined).flat()
  if (live.length > 0) return live
  const pairs = await checkFolders(folders, [])
  const findings = pairs.flatMap(({ target, isAccepted, findings: found }) =>
    toFindings(target, isAccepted, found),
  )
  return findings.length > 0
    ? findings
    : [skipped('certificate', `No host answers, and ${folders.installed} holds no certificate`)]
}

function toFindings(target: string, isAccepted: boolean, findings: readonly CertificateFinding[]): Finding[] {
  const told = findings
    .filter(({ severity }) => severity !== 'info')
    .map(({ severity, sentence, remedy }) =>
      (severity === 'error' ? failed : warning)('certificate', `${target}: ${sentence}`, remedy),
    )
  if (told.length > 0) return told
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
