import { ConfigError } from '../config-error.ts'
import type { LdapConfig } from '../ldap.ts'
import { isLoopback } from '../plain-http.ts'
import type { ReadSetting } from '../sources/layer.ts'

/** The directory of the settings; undefined: there is none. Errors: `ConfigError` `VALUES_CONFLICT`. */
export function readLdap(read: ReadSetting): LdapConfig | undefined {
  const url = read('ldap-url')
  const userBase = read('ldap-users')
  const wantsStartTls = read('ldap-start-tls')
  const rest = {
    caFile: read('ldap-ca-file'),
    bindDn: read('ldap-bind-dn'),
    bindPasswordFile: read('ldap-bind-password-file'),
    userFilter: read('ldap-user-filter'),
    nameAttribute: read('ldap-user-name'),
    groupBase: read('ldap-groups'),
    groupFilter: read('ldap-group-filter'),
    groupNameAttribute: read('ldap-group-name'),
    adminGroup: read('ldap-admins'),
  }
  if (url === undefined) return undefined
  if (userBase === undefined) {
    throw conflict('ldap-url needs ldap-users', 'Set ldap-users to the entry below which the persons are')
  }
  const ldap = { ...rest, url, userBase, isStartTls: url.startsWith('ldap:') && wantsStartTls }
  refuseHalf(ldap)
  return ldap
}

function refuseHalf({ url, isStartTls, bindDn, bindPasswordFile, groupBase, adminGroup }: LdapConfig): void {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '')
  if (url.startsWith('ldap:') && !isStartTls && !isLoopback(host)) {
    throw conflict(
      'ldap-start-tls is false, and the directory is on another machine: passwords would pass the network in clear',
      'Leave ldap-start-tls out, or use an ldaps:// URL',
    )
  }
  if ((bindDn === undefined) !== (bindPasswordFile === undefined)) {
    throw conflict(
      'ldap-bind-dn and ldap-bind-password-file need each other',
      'Give both, or neither to search without a log-in',
    )
  }
  if (adminGroup !== undefined && groupBase === undefined) {
    throw conflict('ldap-admins needs ldap-groups', 'Set ldap-groups to the entry below which the groups are')
  }
}

function conflict(what: string, remedy: string): ConfigError {
  return new ConfigError('VALUES_CONFLICT', what, remedy)
}
