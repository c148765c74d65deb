import { statSync } from 'node:fs'
import { basename, dirname, join, posix, sep } from 'node:path'

/** Parent of the mount points in nginx-proxy's container. */
const NGINX = '/etc/nginx'
/** Names of folders with password files: nginx-proxy's own, and the one people mount beside it. */
const PASSWORD_FOLDERS = ['passwords', 'htpasswd']

/** A folder of nginx-proxy's container, if this machine has it: Berth then runs in its place. */
export function nginxFolder(
  name: 'certs' | 'vhost.d' | 'htpasswd' | 'passwords' | 'conf.d',
): string | undefined {
  const path = join(NGINX, name)
  return isFolder(path) ? path : undefined
}

/** Folders whose files nginx-proxy's own configuration includes: `proxy.conf`, `network_internal.conf`; `50x.html`. */
export function nginxFileFolders(): {
  readonly own: string | undefined
  readonly errors: string | undefined
} {
  return {
    own: isFolder(NGINX) ? NGINX : undefined,
    errors: isFolder(ERRORS) ? ERRORS : undefined,
  }
}

/**
 * True for a file of `conf.d` that nginx-proxy's generator wrote: its content follows from declarations, and is no
 * setting.
 */
export function isMadeByNginxProxy(name: string, text: string | undefined): boolean {
  return name === 'default.conf' && (text?.includes('nginx-proxy') ?? false)
}

/** Folder of nginx-proxy for error pages of the operator. */
const ERRORS = '/usr/share/nginx/html/errors'

/** The folders that the paths inside vhost files may lead to. */
export interface NginxFolders {
  readonly vhostDir: string | undefined
  readonly htpasswdDir: string | undefined
}

/**
 * Makes the function that finds the file of a path in a vhost file. The paths are those of nginx-proxy's container:
 * relative ones are relative to /etc/nginx, and /etc/nginx/passwords and /etc/nginx/htpasswd are the given password
 * folder, or folders of these names beside the vhost folder. Paths outside these folders are refused: a vhost file must
 * not make any file of the machine readable.
 */
export function createPathResolver(folders: NginxFolders): (path: string) => string | undefined {
  const passwordDirs = passwordFolders(folders)
  const roots = [folders.vhostDir, ...passwordDirs].filter((root) => root !== undefined)
  return (path) => {
    if (path.includes('\0')) return undefined
    const inside = posix.relative(NGINX, posix.resolve(NGINX, path))
    const [folder = '', ...rest] = inside.split('/')
    if (rest.length > 0 && PASSWORD_FOLDERS.includes(folder)) {
      const candidates = passwordDirs.map((dir) => join(dir, ...rest))
      return candidates.find(isFile) ?? candidates[0]
    }
    if (rest.length > 0 && folder === 'vhost.d' && folders.vhostDir !== undefined) {
      return join(folders.vhostDir, ...rest)
    }
    const absolute = posix.resolve(NGINX, path)
    return roots.some((root) => absolute.startsWith(`${root}${sep}`)) ? absolute : undefined
  }
}

/** Folders that are searched for password files, in order. */
export function passwordFolders({ vhostDir, htpasswdDir }: NginxFolders): string[] {
  const beside =
    vhostDir === undefined || basename(dirname(vhostDir)) === ''
      ? []
      : PASSWORD_FOLDERS.map((name) => join(dirname(vhostDir), name))
  const given = htpasswdDir === undefined ? beside : [htpasswdDir, ...beside]
  const mounted = PASSWORD_FOLDERS.map((name) => join(NGINX, name))
  return [...new Set([...given, ...mounted])].filter((dir) => dir === htpasswdDir || isFolder(dir))
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
}
