import type { Config } from '../../config/config.ts'
import { createBlobPlace } from '../folders/blob-place.ts'
import { findFloorBytes } from '../folders/disk-floor.ts'
import { nginxFolder } from '../folders/nginx-folders.ts'
import { checkCertificates } from './check-certificates.ts'
import { checkClock } from './check-clock.ts'
import { checkContent } from './check-content.ts'
import { checkData } from './check-data.ts'
import { checkDatabase } from './check-database.ts'
import { checkDirectory } from './check-directory.ts'
import { checkDisk } from './check-disk.ts'
import { checkDns } from './check-dns.ts'
import { checkDocker } from './check-docker.ts'
import { checkHtpasswdFile, checkPasswords } from './check-passwords.ts'
import { checkPort } from './check-ports.ts'
import { checkUpkeep } from './check-upkeep.ts'
import { checkVhosts } from './check-vhosts.ts'
import type { Finding } from './finding.ts'

/** Source of the time without a CA of one's own. */
const CLOCK_URL = 'https://acme-v02.api.letsencrypt.org/directory'

/**
 * Checks everything that a server with this configuration depends on. Changes only a probe file, which it removes
 * again.
 */
export async function examine(config: Config): Promise<Finding[]> {
  const { frontDoor } = config
  const folders = [...new Set([config.dataDir, ...createBlobPlace(config).folders])]
  const checks = [
    checkData(config),
    checkDatabase(config),
    checkContent(config),
    checkPort(config.listenHttp, { kind: 'http', dataDir: config.dataDir }).then((finding) => [finding]),
    checkPort(config.listenHttps, { kind: 'https', dataDir: config.dataDir }).then((finding) => [finding]),
    ...folders.map((folder) => checkDisk(folder, (total) => findFloorBytes(config, total))),
    checkUpkeep(config),
    checkClock({
      url: frontDoor?.acme.directory ?? CLOCK_URL,
      caFile: frontDoor?.acme.directoryCaFile,
      isNeeded: frontDoor !== undefined && frontDoor.acme.scope !== 'off',
    }),
  ]
  if (config.htpasswdFile !== undefined) {
    checks.push(checkHtpasswdFile(config.htpasswdFile, config.weakHashes))
  }
  if (config.ldap !== undefined) checks.push(checkDirectory(config.ldap).then((finding) => [finding]))
  if (frontDoor) {
    const names = [...frontDoor.domains, ...frontDoor.sites.map(({ host }) => host)]
    checks.push(
      checkDns(names.filter((name) => /^[a-z0-9.-]+$/.test(name))),
      checkCertificates(config, frontDoor),
      checkDocker(frontDoor.dockerHost).then((finding) => [finding]),
      checkVhosts(frontDoor.vhostDir),
      checkPasswords(
        { vhostDir: frontDoor.vhostDir ?? nginxFolder('vhost.d'), htpasswdDir: frontDoor.htpasswdDir },
        { weakHashes: config.weakHashes, registryHosts: frontDoor.domains },
      ),
    )
  }
  return (await Promise.all(checks)).flat()
}
