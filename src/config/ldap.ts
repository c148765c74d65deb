/** An LDAP directory whose persons may log in. */
export interface LdapConfig {
  /** `ldap://` or `ldaps://`, with a host and perhaps a port. */
  readonly url: string
  /** True: the connection of an `ldap://` URL is encrypted before a password is sent. */
  readonly isStartTls: boolean
  /** PEM file of the authorities that sign its certificate; undefined: those of the system. */
  readonly caFile: string | undefined
  /** Account by which Berth searches; undefined: it searches without one. */
  readonly bindDn: string | undefined
  readonly bindPasswordFile: string | undefined
  readonly userBase: string
  readonly userFilter: string
  readonly nameAttribute: string
  /** Undefined: groups are not read. */
  readonly groupBase: string | undefined
  readonly groupFilter: string
  readonly groupNameAttribute: string
  /** Group whose members are administrators; undefined: the directory makes nobody one. */
  readonly adminGroup: string | undefined
}
